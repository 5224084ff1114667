# ruff: noqa: ARG002 - the service's methods all take a request and a context, and have its names
"""`pulumi-resource-kubernetes` of the tests: takes each object as it is, and keeps it as a file in the folder
that the variable OBJECTS names. It asks no cluster, which moto has none of; what an API server would take is
judged elsewhere.
"""

import json
import os
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from tests.aws import provider
from tests.aws.as_given import AsGiven
from tests.aws.provider import raw

OBJECTS = "STAND_IN_CLUSTER_OBJECTS"


class Provider(AsGiven):
    """One engine's."""

    package = "pulumi-kubernetes"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        return provider_pb2.CreateResponse(id=self._write(request.properties), properties=request.properties)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        if not request.preview:
            self._write(request.news)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> Any:
        (self._folder / request.id).unlink()
        return empty_pb2.Empty()

    def _write(self, given: Any) -> str:
        """The name of its file."""
        whole = raw(given)
        name = f"{whole['kind']}-{whole['metadata']['name']}.json"
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_text(json.dumps(whole, indent=1))
        return name


def main() -> None:
    """Serve objects."""
    provider.serve(Provider(Path(os.environ[OBJECTS])))
