# ruff: noqa: ARG002 - the service's methods all take a request and a context
"""Serves Python dynamic providers: resources that carry their provider, by reference, as an input.

It does what the SDK's own `python -m pulumi.dynamic` does. That one is only a program, and starts anew for
each part of a run; this one can also serve out of a process that has imported everything already.
"""

import asyncio
import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dill  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.dynamic import Config, ConfigureRequest, ResourceProvider
from pulumi.runtime import rpc
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2

PROVIDER = "__provider"
"""The input that holds the provider."""
PARALLEL = min(16, 4 * max(2, os.cpu_count() or 1))
"""How many calls are carried out at once. Most wait for hosts, or for a program that comes up; but each
that changes something has a process here."""


class ProviderHost(ResourceProviderServicer):
    """Serves one engine process. Providers keep no state, so one instance of each does."""

    def __init__(self) -> None:
        self._providers: dict[str, ResourceProvider] = {}
        self._config = Config({}, "obs")
        self._lock = threading.Lock()
        self.changing = 0
        """How many calls are under way that change something."""

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="0.1.0")

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        found = rpc.deserialize_properties(request.args)
        self._config = Config({key: rpc.unwrap_rpc_secret(value) for key, value in found.items()}, "obs")
        return provider_pb2.ConfigureResponse(acceptSecrets=False)

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        olds = rpc.deserialize_properties(request.olds, True)
        news = rpc.deserialize_properties(request.news, True)
        result = self._provider(olds if news[PROVIDER] == rpc.UNKNOWN else news).check(olds, news)
        failures = [
            provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
            for failure in result.failures
        ]
        return provider_pb2.CheckResponse(inputs=_struct(result.inputs, news), failures=failures)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        olds = rpc.deserialize_properties(request.olds, True)
        news = rpc.deserialize_properties(request.news, True)
        provider = self._provider(olds if news[PROVIDER] == rpc.UNKNOWN else news)
        result = provider.diff(request.id, olds, news)
        words = {None: "DIFF_UNKNOWN", True: "DIFF_SOME", False: "DIFF_NONE"}
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DiffChanges.Value(words[result.changes]),
            replaces=result.replaces,
            deleteBeforeReplace=bool(result.delete_before_replace),
        )

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        props = rpc.deserialize_properties(request.properties)
        with self._change():
            result = self._provider(props).create(props)
        return provider_pb2.CreateResponse(id=result.id, properties=_struct(result.outs, props))

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        props = rpc.deserialize_properties(request.properties)
        result = self._provider(props).read(request.id, props)
        inputs = None if result.inputs is None else _struct(result.inputs, props)
        return provider_pb2.ReadResponse(
            id=result.id or "", properties=_struct(result.outs, props), inputs=inputs
        )

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        olds = rpc.deserialize_properties(request.olds)
        news = rpc.deserialize_properties(request.news)
        with self._change():
            result = self._provider(news).update(request.id, olds, news)
        return provider_pb2.UpdateResponse(properties=_struct(result.outs, news))

    def Delete(self, request: Any, context: Any) -> Any:
        props = rpc.deserialize_properties(request.properties)
        with self._change():
            self._provider(props).delete(request.id, props)
        return empty_pb2.Empty()

    def as_it_was(self, id_: str, inputs: dict[str, Any], outs: dict[str, Any]) -> bool:
        """Whether the engine would do nothing for a resource of its state that is given the same inputs once
        more: what is read of it is what is known, and its inputs are no change of that."""
        found = self._provider(outs).read(id_, dict(outs))
        read = (found.outs, outs if found.inputs is None else found.inputs)
        same = found.id == id_ and all({**(it or {}), PROVIDER: outs[PROVIDER]} == outs for it in read)
        return same and self._provider(inputs).diff(id_, dict(outs), dict(inputs)).changes is False

    def _provider(self, props: dict[str, Any]) -> ResourceProvider:
        text = props[PROVIDER]
        with self._lock:
            if text not in self._providers:
                provider = dill.loads(base64.b64decode(text))  # noqa: S301 - as the SDK has it
                provider.configure(ConfigureRequest(config=self._config))
                self._providers[text] = provider
            return self._providers[text]

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self._lock:
            self.changing += 1
        try:
            yield
        finally:
            with self._lock:
                self.changing -= 1


def _struct(found: dict[str, Any] | None, given: dict[str, Any]) -> struct_pb2.Struct:
    """What a provider returned, with the provider itself, which the engine must keep."""
    return asyncio.run(rpc.serialize_properties({**(found or {}), PROVIDER: given[PROVIDER]}, {}))
