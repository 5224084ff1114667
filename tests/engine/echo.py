# ruff: noqa: ARG002 - the service's methods all take a request and a context
"""A provider that does nothing: what it is told to make is there, as it was told. It stands for those of
Kubernetes and AWS where what the Pulumi engine decides is looked at, and not what a cloud does."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import (
    ResourceProviderServicer,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from plugins.serving import MAX_MESSAGE_BYTES
from tests.aws import operations
from tests.aws.provider import LATER, raw, with_more

FIXED = {
    "apiVersion": frozenset[str](),
    "kind": frozenset[str](),
    "metadata": frozenset({"name", "namespace"}),
    "name": frozenset[str](),
    "namespace": frozenset[str](),
}
"""What of an object of Kubernetes, or of a release, cannot be changed in place: the input, or keys of it."""


def differing(token: str, old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(inputs that differ, those of them whose change makes another one)."""
    if not token.startswith("kubernetes:"):
        return operations.differing(token, old, new)
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return changed, [name for name in changed if name in FIXED and _another(old, new, name)]


def _another(old: dict[str, Any], new: dict[str, Any], name: str) -> bool:
    keys = FIXED[name]
    left, right = old.get(name) or {}, new.get(name) or {}
    return not keys or any(left.get(key) != right.get(key) for key in keys)


class Echo(ResourceProviderServicer):
    """One provider of every package."""

    def __init__(self, package: str) -> None:
        self._package = package

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=version(f"pulumi-{self._package}"))

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        kinds = provider_pb2.DiffResponse.DiffChanges
        same = raw(request.olds) == raw(request.news)
        return provider_pb2.DiffResponse(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=True)

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:
        made = struct_pb2.Struct()
        made.update({"randomPassword": "not-so-random"})
        return provider_pb2.InvokeResponse(**{"return": made})

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        token = request.urn.split("::")[2].rsplit("$", 1)[-1]
        changed, another = differing(token, raw(request.old_inputs), raw(request.news))
        kinds = provider_pb2.DiffResponse.DiffChanges
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE, diffs=changed, replaces=another
        )

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        name = request.urn.split("::")[-1]
        absent = [key for key in LATER if key not in request.properties]
        named = {key: rpc.UNKNOWN if request.preview else f"{key} of {name}" for key in absent}
        if self._package != "aws":
            named = {}
        id_ = "" if request.preview else name
        return provider_pb2.CreateResponse(id=id_, properties=with_more(request.properties, named))

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        named = {key: value for key, value in raw(request.olds).items() if key in LATER}
        kept = {key: value for key, value in named.items() if key not in request.news}
        return provider_pb2.UpdateResponse(properties=with_more(request.news, kept))

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


@contextmanager
def echoing(*packages: str) -> Iterator[str]:
    """Serve them while inside; gives what PULUMI_DEBUG_PROVIDERS is to say."""
    options = [(f"grpc.max_{way}_message_length", MAX_MESSAGE_BYTES) for way in ("receive", "send")]
    servers, found = [], []
    for package in packages:
        server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Echo(package), server)
        found.append(f"{package}:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        servers.append(server)
    try:
        yield ",".join(found)
    finally:
        for server in servers:
            server.stop(None)
