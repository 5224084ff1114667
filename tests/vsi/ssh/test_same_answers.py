"""A host answers over SSH what this machine answers of itself: each case is asked of both reaches."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ports import free_base
from vsi.local.reach import LocalReach
from vsi.reach import Facts, Found, Look, Question, Reach, Said
from vsi.ssh.reach import SshReach

pytestmark = pytest.mark.engine
NAMES = (
    "plain", "two words", "line\nbreak", "quo'te", 'dou"ble', "back\\slash", "$HOME", "`id`", "*", "?", "[a]",
    "-n", ".hidden", "..dots", "ünï", "\udcff", "tab\there", "%s", "a;b", "{}", "#", "!", "~",
)  # fmt: skip


def answers(facts: Facts) -> dict[str, Found]:
    return facts._found


@pytest.fixture
def both(over_ssh: SshReach, tmp_path: Path) -> Callable[[Look], dict[str, Found]]:
    local = LocalReach(tmp_path)

    def look(what: Look) -> dict[str, Found]:
        there, here = answers(over_ssh.look(what)), answers(local.look(what))
        assert there == here
        return here

    return look


Both = Callable[[Look], dict[str, Found]]


def fill(folder: Path) -> None:
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(b"\0\n'%s" * number)
        os.utime(folder / name, ns=(0, 1_700_000_000_000_000_001 + number))
        (folder / name).chmod(0o600 + number % 8)


@pytest.mark.parametrize(
    "what",
    [
        Look(at=("f/*",)),
        Look(digest=("f/*",)),
        Look(read=("f/*",)),
        Look(at=("**",)),
        Look(digest=("f/**",)),
        Look(read=("f/**",), at=("f",)),
        Look(at=("f/**",), digest=("f/*o*",), read=("f/*s",)),
        Look(at=("f/.*", "f/*d*n")),
        Look(read=tuple(f"f/{name}" for name in NAMES if "*" not in name)),
    ],
)
def test_names_survive(both: Both, tmp_path: Path, what: Look) -> None:
    (tmp_path / "f").mkdir()
    fill(tmp_path / "f")

    assert len(both(what)) > 1


def tree(root: Path) -> None:
    root.mkdir(exist_ok=True)
    for unit in ("a", "b", ".c"):
        conf = root / "units" / unit / "conf"
        (conf / "deep" / "er").mkdir(parents=True)
        (conf / "one.yaml").write_text(f"{unit}: 1\n")
        (conf / "deep" / "er" / "two").write_bytes(os.urandom(100_000))
        (conf / "empty").touch()
        (conf / "no folder").symlink_to("deep")
        (conf / "file link").symlink_to("one.yaml")
        (conf / "nowhere").symlink_to("/does/not/exist")
        (conf / "round").symlink_to("round")
        os.mkfifo(conf / "pipe")
    (root / "linked").symlink_to("units/a")
    (root / "units" / "file").write_text("no folder")


@pytest.mark.parametrize(
    "what",
    [
        Look(at=(".",)),
        Look(at=("units/*/conf/**",)),
        Look(digest=("units/*/conf/**", "units/*/run")),
        Look(read=("units/*/conf/*", "units/a/conf/deep/er/two")),
        Look(
            at=("units/*", "units/*/conf"), digest=("units/a/conf/one.yaml",), read=("units/*/conf/*.yaml",)
        ),
        Look(read=("units/a/conf/one.yaml",), digest=("units/a/conf/**",)),
        Look(at=("linked", "linked/*", "linked/conf/**"), read=("linked/conf/one.yaml",)),
        Look(at=("linked/**",)),
        Look(at=("units/file/x", "nothing", "nothing/*", "nothing/**", "units/file/**", "units/file/*")),
        Look(read=("nothing", "nothing/**")),
        Look(read=("units/a", "units"), digest=("units", "units/a/conf/pipe", "units/a/conf/nowhere")),
        Look(),
    ],
)
def test_links_and_folders(both: Both, tmp_path: Path, what: Look) -> None:
    tree(tmp_path)

    both(what)


def test_absolute_paths(both: Both, tmp_path: Path) -> None:
    tree(tmp_path / "there")
    there = f"{tmp_path}/there/units"

    found = both(Look(at=(there, f"{there}/*", "/nothing", "/noth*/x"), digest=(f"{there}/a/**",)))

    assert there in found
    assert f"{there}/a/conf/one.yaml" in found


def test_a_state_folder_of_a_bad_name(over_ssh: SshReach, tmp_path: Path) -> None:
    root = tmp_path / "it's *a $(touch oops) \\ [folder]"
    root.mkdir()
    fill(root)
    what = Look(read=("*",), at=("**",))

    assert answers(replace(over_ssh, root=root).look(what)) == answers(LocalReach(root).look(what))


def test_many_links_and_files_keep_their_records_apart(both: Both, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    for number in range(3000):
        (tmp_path / "f" / f"{number}").write_text(str(number))
        (tmp_path / "f" / f"l{number}").symlink_to(f"{number}")

    assert len(both(Look(digest=("f/*",)))) == 6000


@pytest.fixture(params=["here", "over ssh"])
def reach(request: pytest.FixtureRequest, tmp_path: Path) -> Reach:
    """Each of both, for what differs between two moments."""
    if request.param == "here":
        return LocalReach(tmp_path)
    found: Reach = request.getfixturevalue("over_ssh")
    return found


@pytest.mark.parametrize(
    "command",
    [
        ("printf", "%s|", *NAMES[:15], *NAMES[16:]),
        ("sh", "-c", "echo out; echo err >&2; exit 7"),
        ("true",),
        ("printf", ""),
        ("printf", "no end"),
        ("sh", "-c", 'echo "$#" "$1"', "-", "$HOME `id` \\n % 'x' \"y\""),
        ("cat",),
    ],
)
def test_run(reach: Reach, command: tuple[str, ...]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )

    assert reach.run(command) == Said(done.returncode, done.stdout.decode())


def test_tail_and_folder_size(reach: Reach, tmp_path: Path) -> None:
    tree(tmp_path)
    log = tmp_path / "a 'log"
    log.write_bytes(b"x" * 5000 + b"\0end\n")

    assert reach.tail(str(log), 5) == b"\0end\n"
    assert reach.tail(str(log), 99_999) == log.read_bytes()
    assert reach.tail(str(tmp_path / "none"), 5) == b""
    assert reach.folder_size(str(tmp_path)) == LocalReach(tmp_path).folder_size(str(tmp_path)) > 300_000
    assert reach.folder_size(str(tmp_path / "none")) == 0


def test_survey(over_ssh: SshReach, tmp_path: Path) -> None:
    script = tmp_path / "pro gram"
    script.write_text("#!/bin/sh")
    script.chmod(0o755)
    question = Question(
        programs=(
            "sh",
            "echo",
            "if",
            "no-such-program",
            str(script),
            str(tmp_path),
            "/etc/passwd",
            "setpriv",
        ),
        modules=("no_such_module", "1/2"),
        files=("/etc/passwd", str(tmp_path), str(script), "/none"),
        folders=("/etc/passwd", str(tmp_path), "/none"),
    )
    root = tmp_path / "not 'there" / "yet"
    there, here = replace(over_ssh, root=root).survey(question), LocalReach(root).survey(question)

    assert abs(there.memory_mb - here.memory_mb) < 2000
    assert abs(there.disk_mb - here.disk_mb) < 2000
    assert replace(there, memory_mb=0, disk_mb=0) == replace(here, memory_mb=0, disk_mb=0)


def test_ports(over_ssh: SshReach, tmp_path: Path) -> None:
    """Listeners on each kind of address, one that forks, a connection, the remains of one, nobody."""
    base = free_base(9)
    local = LocalReach(tmp_path)
    held = []
    for number, (family, address) in enumerate(
        [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"),  # noqa: S104
         (socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.2")]
    ):  # fmt: skip
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, base + number))
        listener.listen()
        held.append(listener)
    for number, source in ((5, "127.0.0.1"), (6, "127.0.0.3")):
        outgoing = socket.socket()
        outgoing.bind((source, base + number))
        outgoing.connect(("127.0.0.1", base))
        accepted, _ = held[0].accept()
        held += [outgoing, accepted]
    ports = range(base, base + 9)
    try:
        found = over_ssh.ports(ports)
        assert found == local.ports(ports)
        assert over_ssh.survey(Question(ports=tuple(ports))).ports == found
        assert found[base].pid == os.getpid()
        assert base + 8 not in found
    finally:
        for item in held:
            item.close()
    assert over_ssh.ports(range(base + 1, base + 5)) == {}
    assert over_ssh.ports(()) == {}


def test_suspended(reach: Reach) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        assert not reach.suspended(process.pid)
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert reach.suspended(process.pid)
        process.send_signal(signal.SIGCONT)
        assert process.stdin
        process.stdin.close()
    assert not reach.suspended(process.pid)
