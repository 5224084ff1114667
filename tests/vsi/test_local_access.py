"""What `obs verify` is given of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import SuiteError
from components.target import Access
from tests import specs
from vsi.local.access import access_at
from vsi.paths import StatePaths
from vsi.site import local_site


def _access(folder: Path) -> Access:
    return access_at(StatePaths(folder), local_site(specs.spec()))


def test_a_log_is_read_over_its_rotation(tmp_path: Path) -> None:
    folder = tmp_path / "units" / "orders" / "log"
    folder.mkdir(parents=True)
    (folder / "orders.log.1").write_text("first\n")
    (folder / "orders.log").write_text("second\n")
    assert list(_access(tmp_path).log("orders")) == ["first\n", "second\n"]


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="secrets/opensearch-reader: No such file"):
        _access(tmp_path).secret("opensearch-reader")


def test_sockets_of_the_supervisors_children_are_seen(tmp_path: Path) -> None:
    script = (
        "import socket, sys\n"
        "tcp = socket.create_server(('127.0.0.1', 0))\n"
        "udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(('127.0.0.1', 0))\n"
        "print(tcp.getsockname()[1], udp.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "supervisor" / "supervisord.pid").write_text(f"{os.getpid()}\n")
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        ports = {int(port) for port in child.stdout.readline().split()}
        found = _access(tmp_path).sockets()
        child.communicate("")
    assert ports <= {item.port for item in found}
    assert {item.address for item in found if item.port in ports} == {"127.0.0.1"}


def test_without_a_supervisor_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="supervisor does not run"):
        _access(tmp_path).sockets()
