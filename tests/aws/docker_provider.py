# ruff: noqa: ARG002 - the service's methods all take a request and a context, and have its names
"""`pulumi-resource-docker` of the tests: builds nothing, and pushes images without layers to moto's registry.

Of the official one (pulumi-docker, `provider/image.go` and `provider.go`) it has what a login could get into:
where it is taken from (`registry` of an image, else Docker's configuration and the helper named there), that
nothing is pushed without, and that the whole of the inputs is kept in the state, as `__inputs`.
"""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from tests.aws import provider
from tests.aws.as_given import AsGiven
from tests.aws.provider import raw, with_more

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Provider(AsGiven):
    """One engine's."""

    package = "pulumi-docker"

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        given = raw(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        made = with_more(request.properties, {"__inputs": given, "repoDigest": _pushed(given)})
        return provider_pb2.CreateResponse(id=given["imageName"], properties=made)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        given = raw(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        made = with_more(request.news, {"__inputs": given, "repoDigest": _pushed(given)})
        return provider_pb2.UpdateResponse(properties=made)

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def _pushed(given: dict[str, Any]) -> str:
    """Its digest in the registry, which takes it from who has its login alone."""
    address, _, tag = given["imageName"].rpartition(":")
    host, _, repository = address.partition("/")
    registry = given["registry"]
    login = registry.get("username"), registry.get("password")
    if not all(login):
        login = _from_configuration(registry["server"])
    client = boto3.client("ecr", region_name=host.split(".")[3])
    [known] = client.get_authorization_token(registryIds=[host.partition(".")[0]])["authorizationData"]
    if ":".join(login) != base64.b64decode(known["authorizationToken"]).decode():
        raise ValueError(f"{host} refuses the login of {login[0]}")
    if not Path(given["build"]["dockerfile"]).is_file():
        raise ValueError(f"{given['build']['dockerfile']} is not there")
    config = {"mediaType": "application/json", "size": 1, "digest": f"sha256:{tag:0>64}"}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
    put = client.put_image(repositoryName=repository, imageTag=tag, imageManifest=json.dumps(manifest))
    return f"{address}@{put['image']['imageId']['imageDigest']}"


def _from_configuration(host: str) -> tuple[str, str]:
    """As Docker's own libraries find it."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    named = json.loads((folder / "config.json").read_text())["credHelpers"][host]
    done = subprocess.run(
        [f"docker-credential-{named}", "get"], input=host, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ValueError(done.stdout)
    found = json.loads(done.stdout)
    return found["Username"], found["Secret"]


def main() -> None:
    """Serve images."""
    provider.serve(Provider())
