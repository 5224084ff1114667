"""Images that a stack builds, under the real Pulumi engine: where the login of their registry is, and where
not. The Docker provider is one of the tests' own (`docker_provider.py`)."""

import base64
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator

import pytest

from engines.store import Store
from tests.aws.ground import REGION
from tests.aws.standing import Standing, an_account
from tests.engine.project import find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
HOST = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"
STACK = "staging-aws"


class _Docker(http.server.BaseHTTPRequestHandler):
    """Says that it is there, which is all that `obs` itself asks of one."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_ping" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def docker() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Docker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def standing(tmp_path_factory: pytest.TempPathFactory, docker: str) -> Iterator[Standing]:
    """A stack that builds its images, not there yet."""
    if find_pulumi() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    for engine in ("otelcol", "runtime"):
        if Store().locate(engine) is None:
            pytest.skip(f"no {engine} in the cache of engines: obs engines build {engine}")
    with an_account() as url:
        made = Standing.make(tmp_path_factory.mktemp("images"), url, STACK)
        made.with_docker(docker)
        yield made


def _login(standing: Standing) -> str:
    """What ECR gives whoever asks."""
    [given] = standing.client("ecr").get_authorization_token()["authorizationData"]
    token: str = given["authorizationToken"]
    return token


def _by_hand(standing: Standing, *more: str) -> "subprocess.CompletedProcess[str]":
    """`pulumi up` with what `obs env` says, but for what is taken out of it."""
    said = standing.shop.obs("env", STACK).stdout
    script = f"{said}\n{' '.join(more)}\npulumi up --stack {STACK} --yes --skip-preview --non-interactive"
    return subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=standing.shop.root,
        env=standing.shop.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_login_of_the_registry_is_left_anywhere(standing: Standing) -> None:
    standing.shop.obs("env", STACK)
    assert "images: create" in standing.obs("preview")
    refused = _by_hand(standing, "unset DOCKER_CONFIG;")
    assert refused.returncode != 0
    assert f"Docker knows no login for {HOST}" in refused.stdout + refused.stderr
    assert f'eval "$(obs env {STACK})"' in refused.stdout + refused.stderr

    said = standing.obs("up", "--yes")
    tags = {
        name: [
            image["imageTag"] for image in standing.client("ecr").list_images(repositoryName=name)["imageIds"]
        ]
        for name in (f"obs-{STACK}/collector", f"obs-{STACK}/programs")
    }
    assert all(len(found) == 1 for found in tags.values()), tags

    login = _login(standing)
    user, _, password = base64.b64decode(login).decode().partition(":")
    assert user == "AWS"
    state = json.dumps(_state(standing))
    assert "docker:index/image:Image" in state
    assert "repoDigest" in state
    for secret in (login, password):
        assert secret not in said
        assert secret not in state, "in plain, as `pulumi stack export --show-secrets` has it"
        for folder, _, names in os.walk(standing.shop.root / ".state"):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    assert secret.encode() not in file.read(), f"{folder}/{name}"

    assert "nothing to change" in standing.obs("up", "--yes")
    done = _by_hand(standing)
    assert done.returncode == 0, done.stdout + done.stderr


def _state(standing: Standing) -> object:
    """All of it, secrets in plain."""
    said = standing.shop.obs("env", STACK).stdout
    done = subprocess.run(
        ["/bin/sh", "-c", f"{said}\npulumi stack export --show-secrets --stack {STACK}"],
        cwd=standing.shop.root,
        env=standing.shop.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
