# ruff: noqa: ARG002 - the service's methods all take a request and a context, and have its names
"""`pulumi-resource-kubernetes` of the tests: takes each object as it is, and keeps it as a file in the folder
that the variable OBJECTS names. It asks no cluster, which moto has none of; what an API server would take is
judged elsewhere.
"""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2

from tests.aws import provider
from tests.aws.provider import raw

OBJECTS = "STAND_IN_CLUSTER_OBJECTS"


class Provider(ResourceProviderServicer):
    """One engine's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=version("pulumi-kubernetes"))

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        return _differs(request.olds, request.news)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        return _differs(request.old_inputs, request.news)

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        return provider_pb2.CreateResponse(id=self._write(request.properties), properties=request.properties)

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        if not request.preview:
            self._write(request.news)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> Any:
        (self._folder / request.id).unlink()
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def _write(self, given: Any) -> str:
        """The name of its file."""
        whole = raw(given)
        name = f"{whole['kind']}-{whole['metadata']['name']}.json"
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_text(json.dumps(whole, indent=1))
        return name


def _differs(old: Any, new: Any) -> provider_pb2.DiffResponse:
    kinds = provider_pb2.DiffResponse.DiffChanges
    same = raw(old) == raw(new)
    return provider_pb2.DiffResponse(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)


def main() -> None:
    """Serve objects."""
    provider.serve(Provider(Path(os.environ[OBJECTS])))
