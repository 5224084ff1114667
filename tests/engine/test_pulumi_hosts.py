"""The hosts of programs and providers, served by the process that starts the engine."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import psutil
import pytest
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import (
    EngineServicer,
    ResourceMonitorServicer,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from plugins.serving import ATTACHED, attached
from tests.engine.toy_provider import ToyProvider
from tests.waiting import until

ROOT = Path(__file__).parents[2]
URN = "urn:pulumi:local::observability::pulumi-python:dynamic:Resource::toy"


def props(**values: Any) -> struct_pb2.Struct:
    """Properties of a resource of the toy provider."""
    provider = serialize_provider(ToyProvider())
    return asyncio.run(rpc.serialize_properties({"name": "toy", **values, "__provider": provider}, {}))


REQUESTS: dict[str, tuple[str, Any]] = {
    "check": ("Check", lambda: provider_pb2.CheckRequest(urn=URN, news=props())),
    "check that fails": ("Check", lambda: provider_pb2.CheckRequest(urn=URN, news=props(wrong="1"))),
    "diff of the same": ("Diff", lambda: provider_pb2.DiffRequest(id="x", olds=props(), news=props())),
    "diff": ("Diff", lambda: provider_pb2.DiffRequest(id="x", olds=props(), news=props(new="1"))),
    "diff that nobody knows": (
        "Diff",
        lambda: provider_pb2.DiffRequest(olds=props(), news=props(unsure="1")),
    ),
    "create": (
        "Create",
        lambda: provider_pb2.CreateRequest(urn=URN, properties=props(list=[1, "two", None])),
    ),
    "read": ("Read", lambda: provider_pb2.ReadRequest(id="x", properties=props())),
    "read of drift": ("Read", lambda: provider_pb2.ReadRequest(id="x", properties=props(drift="1"))),
    "read of what is gone": ("Read", lambda: provider_pb2.ReadRequest(id="x", properties=props(gone="1"))),
    "update": ("Update", lambda: provider_pb2.UpdateRequest(id="x", olds=props(), news=props(new="1"))),
    "delete": ("Delete", lambda: provider_pb2.DeleteRequest(id="x", properties=props())),
    "delete that fails": ("Delete", lambda: provider_pb2.DeleteRequest(id="x", properties=props(wrong="1"))),
    "cancel": ("Cancel", empty_pb2.Empty),
    "information": ("GetPluginInfo", empty_pb2.Empty),
    "configure": ("Configure", provider_pb2.ConfigureRequest),
    "schema": ("GetSchema", provider_pb2.GetSchemaRequest),
}


def answer(port: int, method: str, request: Any) -> Any:
    """What a provider's host answers, or its error's code and the provider's own words."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            return getattr(provider_pb2_grpc.ResourceProviderStub(channel), method)(request, timeout=60)
        except grpc.RpcError as error:
            return error.code(), "it stays" in error.details()


def port_of(variables: dict[str, str], name: str) -> int:
    """Where the engine is told to find a host of ours."""
    return int(variables[name].split(",")[0].rpartition(":")[2])


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    with attached() as told:
        yield told


@pytest.fixture(scope="module")
def sdk() -> Iterator[int]:
    """The port of the SDK's own host."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"], stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("name", REQUESTS)
def test_providers_are_served_as_the_sdk_serves_them(variables: dict[str, str], sdk: int, name: str) -> None:
    method, request = REQUESTS[name]
    given = request()

    ours = answer(port_of(variables, "PULUMI_DEBUG_PROVIDERS"), method, given)

    assert ours == answer(sdk, method, given)


def test_the_engine_may_attach_to_it(variables: dict[str, str]) -> None:
    port = port_of(variables, "PULUMI_DEBUG_PROVIDERS")

    assert answer(port, "Attach", plugin_pb2.PluginAttach(address="127.0.0.1:1")) == empty_pb2.Empty()


def test_hosts_that_a_user_attaches_stay_attached(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ATTACHED:
        monkeypatch.setenv(name, "other:1234")

    with attached() as told:
        assert [text.partition(",")[2] for text in told.values()] == ["other:1234", "other:1234"]


class Engine(EngineServicer, ResourceMonitorServicer):
    """Both ends that a program speaks to: takes what is said, and registers what it is told to."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.asked, self.answers = threading.Event(), threading.Event()
        self.answers.set()

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002 - the service's signature
        self.said.append(request.message)
        return empty_pb2.Empty()

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        self.asked.set()
        self.answers.wait(60)
        return resource_pb2.RegisterResourceResponse(urn=URN)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return empty_pb2.Empty()


@dataclass
class Program:
    """A program that is run by a host of ours, for an engine that is none."""

    folder: Path
    engine: Engine
    address: str

    def run(self, told: dict[str, str]) -> Any:
        """Run it to its end; what the host answers, or the code of its error."""
        port = port_of(told, "PULUMI_DEBUG_LANGUAGES")
        request = language_pb2.RunRequest(
            project="p", stack="s", pwd=str(self.folder), monitor_address=self.address, parallel=1
        )
        request.info.program_directory = str(self.folder)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            host = language_pb2_grpc.LanguageRuntimeStub(channel)
            host.Handshake(language_pb2.LanguageHandshakeRequest(engine_address=self.address))
            try:
                return host.Run(request, timeout=60)
            except grpc.RpcError as error:
                return error.code()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """It says one thing to everybody and one to developers of the SDK."""
    (tmp_path / "__main__.py").write_text(
        "import pulumi; pulumi.log.debug('for developers'); pulumi.log.warn('for all')"
    )
    engine = Engine()
    server = grpc.server(ThreadPoolExecutor(8))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(engine, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield Program(tmp_path, engine, address)
    engine.answers.set()
    server.stop(None).wait()


def test_a_program_speaks_to_the_engine_of_the_handshake(program: Program) -> None:
    before = Path.cwd()
    with attached() as told:
        assert program.run(told) == language_pb2.RunResponse()

    assert program.engine.said == ["for all"]
    assert Path.cwd() == before, "the working directory is that of whoever serves"


def test_an_error_of_a_program_is_told_to_the_engine(program: Program) -> None:
    (program.folder / "__main__.py").write_text("import pulumi; raise pulumi.RunError('not like this')")
    with attached() as told:
        assert program.run(told).bail

    assert program.engine.said == ["not like this"]


def test_a_run_whose_engine_never_answers_is_given_up(program: Program) -> None:
    """As after the second Ctrl-C; the SDK would wait for ever."""
    program.engine.answers.clear()
    with ThreadPoolExecutor() as pool:
        with attached() as told:
            run = pool.submit(program.run, told)
            assert program.engine.asked.wait(60)
            begun = time.monotonic()

        assert time.monotonic() - begun < 30
        assert run.result(20) in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


def test_what_a_provider_has_begun_ends_with_its_host() -> None:
    def children() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if child.name() == "sleep"]

    request = provider_pb2.CreateRequest(urn=URN, properties=props(child="1"))
    with ThreadPoolExecutor() as pool:
        with attached() as told:
            pool.submit(answer, port_of(told, "PULUMI_DEBUG_PROVIDERS"), "Create", request)
            until(children, "the provider has started something")

        until(lambda: not children(), "it has ended")
