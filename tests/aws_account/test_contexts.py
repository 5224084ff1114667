"""What Docker builds images from, on this machine; and whether it is here."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aws import contexts as module
from aws.account import docker
from aws.account.ask import Asking
from aws.contexts import Context, contexts, put_together
from aws.parts import AwsPlan
from aws.plan import plan
from components.errors import SuiteError
from components.spec import Spec
from tests import specs
from tests.aws.ground import REGION


@pytest.fixture(scope="module")
def building() -> AwsPlan:
    stack = specs.on_aws()
    stack["aws"] = specs.account_with_images()
    return plan(Spec.model_validate(stack, strict=False), "prod-aws")


class Cache:
    """A cache of engines with both."""

    platform = "linux/amd64"

    def __init__(self, root: Path) -> None:
        self.cache = root
        self.there = {"otelcol", "runtime"}
        for name, path in (("otelcol", "bin/otelcol"), ("runtime", "bin/python")):
            file = root / name / path
            file.parent.mkdir(parents=True)
            file.write_text(f"#!/bin/sh\necho {name}\n")
            file.chmod(0o755)
        (root / "runtime" / "programs").mkdir()
        (root / "runtime" / "programs" / "agents.py").write_text("")
        (root / "runtime" / "manifest.json").write_text("{}")

    def find(self, name: str) -> Any:
        if name not in self.there:
            return None
        engine = SimpleNamespace(path_of=lambda program, _channel: f"bin/{program}")
        return SimpleNamespace(engine=engine, channel="source", path=self.cache / name)


@pytest.fixture
def cache(tmp_path: Path) -> Any:
    return Cache(tmp_path / "cache")


def put(plan: AwsPlan, cache: Any, **pushed: list[str]) -> dict[str, Context]:
    """The folders of a plan's images, below that of the test, by absolute paths."""
    root = cache.cache.parent
    found = contexts(plan, pushed, cache, root)
    assert not any(Path(context.folder).is_absolute() for context in found.values())
    return {name: Context(context.tag, str(root / context.folder)) for name, context in found.items()}


def test_a_folder_has_the_dockerfile_and_what_it_copies(building: AwsPlan, cache: Any) -> None:
    found = put(building, cache)
    assert found.keys() == {"collector", "programs"}
    for name, files in (("collector", {"otelcol"}), ("programs", {"runtime"})):
        folder = Path(found[name].folder)
        assert {item.name for item in folder.iterdir()} == {"Dockerfile", *files}
        text = (folder / "Dockerfile").read_text(encoding="utf-8")
        assert text.endswith(f'LABEL obs.image="{found[name].tag}"\n')
        for copied in files:
            assert f"COPY {copied} /" in text
    programs = Path(found["programs"].folder) / "runtime"
    assert (programs / "programs" / "agents.py").is_file()
    own = cache.cache / "runtime" / "bin" / "python"
    assert (programs / "bin" / "python").samefile(own), "a link, and no copy"
    assert not (programs / "manifest.json").exists(), "which differs from machine to machine"


def test_the_same_is_not_put_together_twice(
    building: AwsPlan, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(building, cache)
    monkeypatch.setattr(module, "_linked", lambda *_: pytest.fail("put together once more"))
    assert put(building, cache) == first


def _content(cache: Any) -> None:
    (cache.cache / "runtime" / "programs" / "agents.py").write_text("another = True")


def _name(cache: Any) -> None:
    (cache.cache / "runtime" / "programs" / "agents.py").rename(cache.cache / "runtime" / "agents.py")


def _mode(cache: Any) -> None:
    (cache.cache / "runtime" / "bin" / "python").chmod(0o700)


def _more(cache: Any) -> None:
    (cache.cache / "runtime" / "programs" / "more.py").write_text("")


def _link(cache: Any) -> None:
    (cache.cache / "runtime" / "bin" / "python3").symlink_to("python")


@pytest.mark.parametrize("change", [_content, _name, _mode, _more, _link])
def test_another_file_is_another_folder_of_that_image_alone(
    building: AwsPlan, cache: Any, change: Callable[[Any], None]
) -> None:
    first = put(building, cache)
    change(cache)
    second = put(building, cache)
    assert second["collector"] == first["collector"]
    assert second["programs"].tag != first["programs"].tag
    assert not Path(first["programs"].folder).exists(), "what nobody needs is taken away"


def test_the_same_files_of_another_machine_are_the_same_image(
    building: AwsPlan, cache: Any, tmp_path: Path
) -> None:
    first = put(building, cache)
    other = Cache(tmp_path / "other" / "cache")
    (other.cache / "runtime" / "manifest.json").write_text('{"made": "on another day"}')
    second = put(building, other)
    assert {name: context.tag for name, context in second.items()} == {
        name: context.tag for name, context in first.items()
    }


def test_what_comes_back_is_pushed_under_a_tag_of_its_own(building: AwsPlan, cache: Any) -> None:
    first = put(building, cache)["programs"].tag
    again = put(building, cache, programs=["0" * 16, first])["programs"]
    assert again.tag == f"{first}-2"
    assert f'"{first}-2"' in (Path(again.folder) / "Dockerfile").read_text(encoding="utf-8")


def test_an_engine_that_is_missing_is_told_with_the_command(building: AwsPlan, cache: Any) -> None:
    cache.there.remove("otelcol")
    with pytest.raises(SuiteError, match=r"image collector is made of otelcol.*`obs engines build otelcol`"):
        put(building, cache)


def test_a_machine_of_another_kind_is_told(building: AwsPlan, cache: Any) -> None:
    cache.platform = "linux/arm64"
    with pytest.raises(SuiteError, match=r"are for linux/amd64.*which is linux/arm64"):
        put(building, cache)
    assert docker.machine("linux/amd64") == []
    [obstacle] = docker.machine("linux/arm64")
    assert obstacle.fatal


def test_a_folder_that_cannot_be_written_is_told(building: AwsPlan, cache: Any, tmp_path: Path) -> None:
    (tmp_path / ".state").write_text("")
    with pytest.raises(SuiteError, match=r"image collector is put together in .*expected a folder of yours"):
        put(building, cache)


def test_what_was_put_together_in_half_is_not_taken_for_whole(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        put_together(tmp_path / "image" / "tag", {"program": tmp_path / "nowhere"}, "FROM scratch\n")
    assert not (tmp_path / "image" / "tag").exists()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A Docker, as far as it is asked whether it is there."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path := str(tmp_path / "docker.sock"))
    server.listen()

    def answer() -> None:
        try:
            while True:
                connection, _ = server.accept()
                with connection:
                    assert connection.recv(4096).startswith(b"GET /_ping ")
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        except OSError:
            return

    threading.Thread(target=answer, daemon=True).start()
    yield f"unix://{path}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_a_docker_that_answers_is_no_obstacle(address: str) -> None:
    assert docker.engine({"DOCKER_HOST": address}) == []


@pytest.mark.parametrize("given", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "what?"])
def test_one_that_does_not_is_told_with_what_to_do(given: str) -> None:
    [obstacle] = docker.engine({"DOCKER_HOST": given})
    assert obstacle.fatal
    assert given in str(obstacle)
    assert "start Docker" in obstacle.what_to_do


def test_one_that_only_the_provider_reaches_is_not_asked() -> None:
    assert docker.engine({"DOCKER_HOST": "ssh://builder"}) == []
    assert docker.engine({"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1"}) == []


def test_a_provider_that_is_missing_is_told_with_the_command(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "PULUMI_HOME": str(tmp_path)}
    [obstacle] = docker.provider(environ)
    assert obstacle.fatal
    assert obstacle.what_to_do.endswith("pulumi plugin install resource docker 5.2.0")
    (tmp_path / "plugins" / "resource-docker-v5.2.0").mkdir(parents=True)
    assert docker.provider(environ) == []


def test_only_a_stack_that_builds_is_asked_for_a_docker(building: AwsPlan) -> None:
    asking = Asking(REGION, {})
    assert [check.what for check in docker.checks(building, asking)] == [
        "machine",
        "Docker engine",
        "Docker provider",
    ]
    assert list(docker.checks(plan(specs.spec_on_aws(), "prod-aws"), asking)) == []


def test_docker_builds_an_image_from_such_a_folder(building: AwsPlan, cache: Any) -> None:
    """That of the collector, which is built on nothing: no registry is asked."""
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker engine answers here")
    context = put(building, cache)["collector"]
    tag = f"obs-test/collector:{context.tag}"
    try:
        subprocess.run(["docker", "build", "--tag", tag, context.folder], capture_output=True, check=True)
        said = subprocess.run(
            ["docker", "image", "inspect", "--format", "{{.Config.User}} {{.Config.Entrypoint}}", tag],
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == "65534:65534 [/usr/bin/otelcol]"
    finally:
        subprocess.run(["docker", "image", "rm", "--force", tag], capture_output=True, check=False)
