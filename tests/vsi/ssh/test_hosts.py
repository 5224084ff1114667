"""Whole hosts on the other side of a network: cut off, frozen, installed anew, behind another, full."""

import time
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.hosts.base import SUDO_PASSWORD
from tests.hosts.fixtures import StartLab
from tests.hosts.host import Host
from tests.hosts.lab import Lab
from tests.vsi.ssh.test_changing import change_on, step
from tests.vsi.ssh.test_same_answers import answers
from tests.waiting import until
from vsi.errors import Unreachable
from vsi.reach import Look, Question
from vsi.ssh import shell
from vsi.ssh.connection import Connection, Login, fingerprint
from vsi.ssh.master import Master
from vsi.ssh.reach import SshReach

pytestmark = pytest.mark.engine
ROOT = PurePosixPath("/var/lib/obs/toys")


@pytest.fixture(scope="module")
def pair(start_lab: StartLab) -> Lab:
    """Two hosts, the second with a small disk."""
    return start_lab(2, small_mb=64)


@pytest.fixture
def one(pair: Lab) -> Iterator[Host]:
    host = next(iter(pair))
    yield host
    host.mend()
    master_of(host).close()


def master_of(host: Host, user: str = "root", password: str | None = None, **more: object) -> Master:
    given = {"host": host.name, "address": host.address, "user": user, "host_keys": (host.host_key,)}
    return Master(
        Connection.model_validate(given | more), Login(key=host.key.read_text(), sudo_password=password)
    )


def reach_of(master: Master) -> SshReach:
    return SshReach(master.connection, master.login, ROOT)


@pytest.mark.parametrize(
    ("user", "password"),
    [("root", None), ("free", None), ("deploy", SUDO_PASSWORD)],
    ids=lambda v: str(v)[:6],
)
def test_a_host_without_python_is_asked_and_changed(one: Host, user: str, password: str | None) -> None:
    master = master_of(one, user, password)
    reach = reach_of(master)
    target = ROOT / "units" / user / "it's % \\ $HOME"
    steps = (
        step("Folders", paths=[str(target.parent)]),
        step("Write", path=str(target), data="\x00\xff%s"),
    )

    assert change_on(master, ROOT, *steps) == {}
    found = reach.look(Look(read=("units/*/*",), at=(".",)))
    data = found.get(str(target.relative_to(ROOT)))
    assert data
    assert (data.data, data.mode, data.owner) == (b"\x00\xff%s", 0o600, 0)
    survey = reach.survey(Question(programs=("systemctl", "python3"), ports=(22,), modules=("json",)))
    assert survey.uid == 0
    assert survey.programs == {"systemctl"}
    assert survey.modules == frozenset()
    assert survey.ports[22].listeners == (1,), "systemd has the socket"
    assert reach.greet("127.0.0.1", 22, b"\r\n", 10).body.startswith(b"SSH-2.0")
    with reach.hold("a"):
        assert one.ssh(f"flock -n {ROOT}/locks/a.lock true || echo held") == "held"
    master.close()


def test_who_may_not_become_root_is_told(one: Host) -> None:
    for user, password, words in (
        ("deploy", None, "sudo asks 'deploy' for a password"),
        ("deploy", "wrong", "sudo did not take the password of 'deploy'"),
        ("plain", SUDO_PASSWORD, "'plain'"),
    ):
        master = master_of(one, user, password)
        with pytest.raises(Unreachable, match=words):
            shell.ask(master, ":")
        master.close()


def test_a_host_that_is_cut_off_is_noticed(one: Host) -> None:
    master = master_of(one)
    with shell.shell(master) as root:
        root.ask(":")
        one.cut()
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="connection was lost"):
            root.ask("echo", seconds=60)
        assert time.monotonic() - begun < 30
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=f"{one.name}: root@{one.address} port 22: (no answer|No route)"):
        shell.ask(master, ":")
    assert time.monotonic() - begun < 30
    one.mend()
    assert until(lambda: _answer(master), seconds=60) == b"again\n"


def _answer(master: Master) -> bytes:
    try:
        return shell.ask(master, "echo again").output
    except Unreachable:
        return b""


def test_a_host_that_hangs_is_noticed(one: Host) -> None:
    master = master_of(one)
    shell.ask(master, ":")
    one.pause()
    try:
        begun = time.monotonic()
        with pytest.raises(Unreachable):
            shell.ask(master, ":")
        assert time.monotonic() - begun < 60
    finally:
        one.resume()
    assert until(lambda: _answer(master), seconds=60) == b"again\n"


def test_a_host_that_was_installed_anew_stops_everything(one: Host) -> None:
    master, before = master_of(one), one.host_key
    one.new_host_key()

    with pytest.raises(Unreachable) as caught:
        shell.ask(master, "touch /root/was-here")

    assert "ITS HOST KEY HAS CHANGED" in str(caught.value)
    assert fingerprint(before) in str(caught.value)
    assert fingerprint(one.host_key) in str(caught.value)
    assert one.ssh("ls /root") == ""


def test_a_host_behind_another(pair: Lab) -> None:
    hop, behind = pair
    way = master_of(hop, "plain")
    master = master_of(behind, jump=way.connection)

    assert shell.ask(master, "hostname; echo ${SSH_CONNECTION%% *}").output.decode().split() == [
        behind.name,
        hop.address,
    ]
    master.close()
    way.close()


def test_a_full_disk_is_told_and_leaves_what_was_there(pair: Lab) -> None:
    _, small = pair
    master = master_of(small)
    target = str(ROOT / "kept")
    folders = step("Folders", paths=[str(ROOT)])
    assert change_on(master, ROOT, folders, step("Write", path=target, data="before")) == {}
    small.fill_disk()
    try:
        failed = change_on(master, ROOT, step("Write", path=target, data="x" * 3_000_000))
        assert failed["failed"] == "write"
        assert "No space left" in failed["output"] or "bytes arrived" in failed["output"]
        found = reach_of(master).look(Look(at=("*",), read=("kept",)))
        assert found.data("kept") == b"before"
        left = [path for path, file in answers(found).items() if file.size > 10]
        assert left == [], "nothing is left of what did not fit"
    finally:
        small.free_disk()
    master.close()


def test_a_full_tmp_does_not_matter(one: Host) -> None:
    one.ssh("mount -t tmpfs -o size=4k tmpfs /tmp && head -c 9000 /dev/zero >/tmp/full || true")
    try:
        master = master_of(one)
        write = step("Write", path=str(ROOT / "large"), data="x" * 500_000)
        assert change_on(master, ROOT, step("Folders", paths=[str(ROOT)]), write) == {}
        assert len(reach_of(master).look(Look(read=("**",))).data("large") or b"") == 500_000
    finally:
        one.ssh("umount /tmp")
