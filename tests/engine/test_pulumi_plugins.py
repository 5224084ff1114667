"""The two plugins by themselves, without the CLI: found anywhere, no downloads asked for, no orphans."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import psutil
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from obs.paths import PLUGINS
from tests.waiting import until

LANGUAGE = "pulumi-language-python"
RESOURCE = "pulumi-resource-pulumi-python"
ENGINE = "127.0.0.1:1"
SPAWN = """
import subprocess, sys
plugin = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
plugin.stdout.readline()
print(plugin.pid, flush=True)
plugin.wait()
"""


@contextmanager
def started(name: str, folder: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A plugin as the engine starts it, from a folder that is not the project's and with a bare PATH."""
    with subprocess.Popen(
        [str(PLUGINS / name), "-v=3", ENGINE],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
    ) as process:
        assert process.stdout
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_the_language_host_asks_for_no_download(tmp_path: Path) -> None:
    with started(LANGUAGE, tmp_path) as (_, port), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        host = language_pb2_grpc.LanguageRuntimeStub(channel)
        assert not host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest()).packages
        assert not host.GetRequiredPlugins(language_pb2.GetRequiredPluginsRequest()).plugins
        assert host.Handshake(language_pb2.LanguageHandshakeRequest()) is not None
        assert host.GetPluginInfo(empty_pb2.Empty()).version.startswith("3.")
        assert Path(host.About(language_pb2.AboutRequest()).executable).samefile(sys.executable)
        found = host.GetProgramDependencies(language_pb2.GetProgramDependenciesRequest()).dependencies
        assert "pulumi" in {dependency.name for dependency in found}
        assert list(host.InstallDependencies(language_pb2.InstallDependenciesRequest()))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_language_host_exits_on_a_signal(tmp_path: Path, signum: signal.Signals) -> None:
    with started(LANGUAGE, tmp_path) as (process, _):
        process.send_signal(signum)
        assert process.wait(10) == 0


@pytest.mark.parametrize("name", [LANGUAGE, RESOURCE])
def test_a_plugin_ends_with_its_parent(name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SPAWN, str(PLUGINS / name), ENGINE], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
        parent.wait()
        until(lambda: not psutil.pid_exists(pid), f"{name} ends with its parent")
