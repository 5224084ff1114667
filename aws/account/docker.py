"""What builds images on this machine: whether it is here, before anything is changed."""

import http.client
import os
import socket
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from aws.account.ask import Asking
from aws.account.checks import Check, obstacle
from aws.contexts import wanted
from aws.parts import AwsPlan
from components.images import PLATFORM
from components.target import Obstacle
from engines.plugins import PREFIX, has_provider, pulumi_home
from engines.setting import this_platform

SOCKETS = ("/var/run/docker.sock", "~/.docker/run/docker.sock")
"""Where Docker is unless DOCKER_HOST says, in the provider's own order."""
SECONDS = 5.0
DOCS = "docs/targets/aws.md#images-that-the-stack-builds"


def checks(plan: AwsPlan, asking: Asking) -> Iterator[Check]:
    """None for a plan whose images are named by hand."""
    del asking
    if wanted(plan):
        yield Check("machine", (), lambda: machine(this_platform()))
        yield Check("Docker engine", (), lambda: engine(os.environ))
        yield Check("Docker provider", (), lambda: provider(os.environ))


def machine(platform: str) -> list[Obstacle]:
    """That programs can be made here which tasks run: those in Python are of this machine's own."""
    if platform == PLATFORM:
        return []
    do = f"run this on a machine of that kind, or name images that are there: {DOCS}"
    return [obstacle("machine", f"is {platform}", f"{PLATFORM}, for which images are built", do)]


def engine(environ: Mapping[str, str]) -> list[Obstacle]:
    """That a Docker answers. One behind SSH or TLS is left to the provider, which has the keys."""
    given = environ.get("DOCKER_HOST", "")
    if urlsplit(given).scheme == "ssh" or environ.get("DOCKER_TLS_VERIFY"):
        return []
    tried = [given] if given else [f"unix://{Path(path).expanduser()}" for path in SOCKETS]
    if any(_answers(address) for address in tried):
        return []
    do = f"start Docker, or say where it is (DOCKER_HOST); or name images that are there: {DOCS}"
    return [
        obstacle("Docker engine", f"none answers at {' or '.join(tried)}", "one, which builds images", do)
    ]


def provider(environ: Mapping[str, str]) -> list[Obstacle]:
    """That the Pulumi engine finds the provider: `obs` has it fetch none."""
    wants = version("pulumi-docker")
    home = pulumi_home(environ)
    if has_provider("docker", wants, home, environ):
        return []
    expected = f"{PREFIX}docker on the PATH, or Pulumi's plugin in {home}"
    do = f"PULUMI_HOME={home} pulumi plugin install resource docker {wants}"
    return [obstacle("Docker provider", "not installed", expected, do)]


def _answers(address: str) -> bool:
    where = urlsplit(address)
    try:
        connection = http.client.HTTPConnection(
            where.hostname or "localhost", where.port or 80, timeout=SECONDS
        )
        if where.scheme == "unix":
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(SECONDS)
            connection.sock.connect(where.path)
        elif where.scheme not in ("http", "tcp"):
            return False
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, ValueError, http.client.HTTPException):
        return False
