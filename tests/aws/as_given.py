# ruff: noqa: ARG002 - the service's methods all take a request and a context, and have its names
"""What the stand-ins for providers beside that of AWS have in common: inputs are taken as they are given, and
whatever differs in them is a change."""

from importlib.metadata import version
from typing import Any

from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2

from tests.aws.provider import raw


class AsGiven(ResourceProviderServicer):
    """Without what makes, changes and removes: that is each one's own."""

    package: str
    """Of Python, whose version it says."""

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=version(self.package))

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

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def _differs(old: Any, new: Any) -> provider_pb2.DiffResponse:
    kinds = provider_pb2.DiffResponse.DiffChanges
    same = raw(old) == raw(new)
    return provider_pb2.DiffResponse(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)
