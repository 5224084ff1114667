"""A stack on AWS under the real Pulumi engine: a copy of the project, moto's server for AWS, and a provider.

The provider is that of the tests, unless there is the official one: on PATH, or installed by the Pulumi CLI.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import yaml

from components.spec.aws import SERVICES, STAND_IN_OFFSET
from obs.providers import pulumi_home
from tests.aws import cluster_provider, provider
from tests.aws.ground import REGION
from tests.e2e.shop import Shop
from tests.given import from_environment
from tests.ports import free_port
from tests.waiting import until

HOST = "127.0.0.1"
PASSPHRASE = "an-account-for-tests"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def an_account() -> Iterator[str]:
    """Where one answers that is empty. It is a process of its own: within one, all of moto's are the same."""
    port = free_port()
    command = [sys.executable, "-m", "tests.aws.server", "--host", HOST, "--port", str(port)]
    own = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}  # those of AWS itself
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=provider.ROOT, env=own, stdout=quiet, stderr=quiet) as server:
        try:
            url = f"http://{HOST}:{port}"
            until(
                lambda: httpx.get(f"{url}/moto-api/", trust_env=False).is_success, "moto's server answers", 60
            )
            yield url
        finally:
            server.kill()


def official() -> bool:
    """Whether the official provider is here."""
    installed = (pulumi_home() / "plugins").glob("resource-aws-v*")
    return shutil.which("pulumi-resource-aws") is not None or any(installed)


@dataclass
class Standing:
    """One stack in an account of moto's."""

    shop: Shop
    stack: str
    url: str
    calls: Path
    """What the provider was asked to do, a line each; not there with the official one."""

    @classmethod
    def make(cls, folder: Path, server: str | None, stack: str, **changes: Any) -> "Standing":
        """A stack file of the project, whose endpoints are the server's; without one it has a stand-in of its
        own, and is left as it is."""
        shop = Shop.make(folder / "project")
        url = server or f"http://127.0.0.1:{shop.base + STAND_IN_OFFSET}"
        made = cls(shop, stack, url, folder / "calls")
        shop.environment |= {**CREDENTIALS, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
        shop.environment["NO_PROXY"] = ",".join(filter(None, (shop.environment.get("NO_PROXY"), HOST)))
        if not official():
            shop.environment[provider.CALLS] = str(made.calls)
            path = provider.program(folder / "bin").parent
            shop.environment["PATH"] = f"{path}:{shop.environment['PATH']}"
        if server is None:
            return made
        made.edit(aws={"endpoints": dict.fromkeys(SERVICES, made.url)}, **changes)
        made._give_secrets()
        return made

    def with_cluster(self) -> Path:
        """A stand-in for what puts objects into clusters; the folder with what it was given."""
        folder = self.shop.root.parent
        path = provider.program(folder / "bin", "kubernetes", "tests.aws.cluster_provider").parent
        self.shop.environment |= {
            "PATH": f"{path}:{self.shop.environment['PATH']}",
            cluster_provider.OBJECTS: str(folder / "objects"),
        }
        return folder / "objects"

    def with_docker(self, address: str) -> None:
        """A stack that builds its images, where a Docker is at that address; a stand-in for what has it build
        them. An endpoint of the registry is none of the stack's, which would refuse to push there."""
        path = provider.program(self.shop.root.parent / "bin", "docker", "tests.aws.docker_provider").parent
        self.shop.environment |= {
            "AWS_ENDPOINT_URL_ECR": self.url,
            "DOCKER_HOST": address,
            "PATH": f"{path}:{self.shop.environment['PATH']}",
        }
        whole = self._whole()
        account = whole["config"]["obs:spec"]["aws"]
        del account["endpoints"]["ecr"], account["images"]["collector"], account["images"]["programs"]
        account["images"]["build"] = {"base": f"docker.io/library/debian@sha256:{'2' * 64}"}
        self._write(whole)

    @property
    def file(self) -> Path:
        """Its stack file."""
        return self.shop.root / "stacks" / f"Pulumi.{self.stack}.yaml"

    def _give_secrets(self) -> None:
        whole = self._whole()
        self.shop.environment |= from_environment(whole["config"]["obs:spec"])
        self._write(whole)

    def edit(self, **changes: Any) -> None:
        """Change the file: section -> settings of it."""
        whole = self._whole()
        for section, settings in changes.items():
            whole["config"]["obs:spec"].setdefault(section, {}).update(settings)
        self._write(whole)

    def edit_images(self, **images: str) -> None:
        """Images in ECR beside those that the file has."""
        whole = self._whole()
        own = whole["config"]["obs:spec"]["aws"]["images"]
        own |= {name: f"{own['programs'].rpartition('/')[0]}/{image}" for name, image in images.items()}
        self._write(whole)

    def _whole(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.file.read_text())
        return found

    def _write(self, whole: dict[str, Any]) -> None:
        self.file.write_text(yaml.safe_dump(whole, sort_keys=False))

    def obs(self, *arguments: str, expect: int = 0, fail: str = "") -> str:
        """`obs COMMAND STACK …`, with the exit code that is expected; what it said."""
        command, *more = arguments
        before = dict(self.shop.environment)
        if fail:
            self.shop.environment[provider.FAIL] = fail
        try:
            done = self.shop.obs(command, self.stack, *more, expect=expect)
        finally:
            self.shop.environment = before
        return done.stdout + done.stderr

    def asked(self) -> list[str]:
        """`create prod-aws-key`, and so on, since the last question; none, of the official provider."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.write_text("")
        return lines

    def client(self, service: str) -> Any:
        """To ask AWS what there is."""
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)
