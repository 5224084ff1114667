"""Changes over SSH, by the very operations that this machine has: the same files, whatever is in them."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path, PurePath
from typing import Any

import pytest

from tests.vsi.ssh.server import Server
from vsi.paths import REPO
from vsi.ssh.master import Master

pytestmark = pytest.mark.engine
RUN = """
import json, sys
from pathlib import Path
from vsi import changes
from vsi.changes import ChangeFailed, Step
from vsi.errors import Unreachable
from vsi.ssh.connection import Connection, Login
from vsi.ssh.reach import SshReach

given = json.load(sys.stdin)
steps = [Step(s["name"], getattr(changes, s["kind"])(**s["change"])) for s in given["steps"]]
for step in steps:
    if hasattr(step.change, "data"):
        object.__setattr__(step.change, "data", step.change.data.encode("latin-1"))
reach = SshReach(Connection(**given["connection"]), Login(**given["login"]), Path(given["root"]))
try:
    reach.change(steps, lambda name: print(name, file=sys.stderr))
except ChangeFailed as error:
    print(json.dumps({"failed": error.name, "output": error.output}))
except Unreachable as error:
    print(json.dumps({"unreachable": str(error)}))
else:
    print("{}")
"""


def step(kind: str, **change: Any) -> dict[str, Any]:
    return {"name": kind.lower(), "kind": kind, "change": change}


def change(server: Server, root: Path, *steps: dict[str, Any]) -> dict[str, str]:
    """On a private server."""
    return change_on(server.master(), root, *steps)


def change_on(master: Master, root: PurePath, *steps: dict[str, Any]) -> dict[str, str]:
    """In a process of its own, as `vsi.apply` is: pyinfra keeps state in its process."""
    given = {
        "connection": master.connection.model_dump(),
        "login": master.login.model_dump(),
        "root": str(root),
        "steps": steps,
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=REPO,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


BYTES = bytes(range(256)).decode("latin-1") + "%s $HOME `id` \\ ' \" \r\n end"


def test_files_arrive_as_they_are(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "it's *a $(touch oops) \\ %folder"
    target = root / "secrets" / "pass 'word"
    steps = (
        step("Folders", paths=[str(root), str(target.parent)]),
        step("Write", path=str(target), data=BYTES),
        step("Write", path=str(root / "large"), data="x" * 3_000_000),
        step("Write", path=str(root / "empty"), data=""),
    )

    assert change(server, root, *steps) == {}
    assert target.read_bytes().decode("latin-1") == BYTES
    assert (root / "large").stat().st_size == 3_000_000
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(os.listdir(target.parent)) == [target.name], "nothing is left beside it"
    before = target.stat()

    assert change(server, root, *steps) == {}
    assert (before.st_ino, before.st_mtime_ns) == (target.stat().st_ino, target.stat().st_mtime_ns)


def test_a_configuration_is_staged_checked_and_put_in_place(server: Server, tmp_path: Path) -> None:
    own = tmp_path / "unit"
    conf, staged = own / "conf", own / "conf.next"
    files = {"app.conf": "100% $x `y` 'z' \"q\" \\n\n", "deep/two words": "ünï\n"}
    argument = "%s $HOME `id` \\ ' \""
    check = {"purpose": "check", "folder": str(staged), "environment": {"A B": argument}, "seconds": 20}
    write = 'printf "%s\\n" "$1" >seen; tr "\\0" "\\n" </proc/$$/environ | grep "^A B=" >>seen'
    steps = (
        step("Folders", paths=[str(conf)]),
        step("Stage", folder=str(staged), conf=str(conf), files=files, again=True),
        step("Run", arguments=["/bin/sh", "-c", write, "-", argument], **check),
        step("Activate", folder=str(staged), conf=str(conf), files=files, managed=list(files)),
    )

    assert change(server, tmp_path, *steps[:3]) == {}
    assert (staged / "seen").read_text() == f"{argument}\nA B={argument}\n"
    assert change(server, tmp_path, *steps) == {}
    assert {path: (conf / path).read_text() for path in files} == files
    assert not staged.exists()


def test_a_step_that_fails_says_what_its_command_said(server: Server, tmp_path: Path) -> None:
    run = {"purpose": "check", "folder": str(tmp_path), "environment": {}, "seconds": 20}
    failing = step("Run", arguments=["/bin/sh", "-c", "echo bad line 3; echo and why >&2; exit 4"], **run)
    after = step("Write", path=str(tmp_path / "after"), data="x")

    failed = change(server, tmp_path, failing, after)

    assert failed["failed"] == "run"
    assert "bad line 3" in failed["output"]
    assert "and why" in failed["output"]
    assert not (tmp_path / "after").exists()


def test_a_file_that_cannot_be_placed_leaves_nothing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "in the way").touch()

    failed = change(server, tmp_path, step("Write", path=str(tmp_path / "target"), data="x"))

    assert failed["failed"] == "write"
    assert "target" in failed["output"]
    (tmp_path / "file.new").mkdir()
    (tmp_path / "file.new" / "in the way").touch()
    missing = change(server, tmp_path, step("Write", path=str(tmp_path / "no" / "folder"), data="x"))
    assert missing["failed"] == "write"


_WATCH = r"""
use strict;
my ($folder, $name) = @ARGV;
my ($init, $add) = ((POSIX::uname())[4] eq "x86_64") ? (294, 254) : (26, 27);
my $fd = syscall($init, 0);
my $mask = 0x2 | 0x40 | 0x80 | 0x100 | 0x200;
syscall($add, $fd, $folder, $mask) > 0 or die "watch: $!";
open(my $events, "<&=", $fd) or die "open: $!";
$| = 1;
print "watching\n";
while (sysread($events, my $data, 65536)) {
    while (length $data) {
        my (undef, $mask, $cookie, $length) = unpack("lLLL", $data);
        my $path = unpack("Z*", substr($data, 16, $length));
        $data = substr($data, 16 + $length);
        print "$mask $cookie $path\n";
        exit if $path eq $name && $mask == 0x80;
    }
}
"""
"""Tells what happens to names in a folder, until something was moved there under a certain one."""
_FROM, _TO = 0x40, 0x80


def test_a_file_is_placed_by_a_rename_in_its_folder(server: Server, tmp_path: Path) -> None:
    """What was there stays whole for whoever reads it; from another file system, a rename would be a copy."""
    target, held = tmp_path / "it", tmp_path / "held"
    assert change(server, tmp_path, step("Write", path=str(target), data="before")) == {}
    held.hardlink_to(target)
    watch = ["timeout", "60", "perl", "-MPOSIX", "-e", _WATCH, str(tmp_path), "it"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        assert watching.stdout.readline() == "watching\n"
        assert change(server, tmp_path, step("Write", path=str(target), data="after" * 9999)) == {}
        events = [line.split(" ") for line in watching.stdout.read().splitlines()]

    assert [int(mask) for mask, _, name in events if name == "it"] == [_TO], "neither written nor removed"
    moved = {cookie for _, cookie, name in events if name == "it"}
    assert [name for mask, cookie, name in events if int(mask) == _FROM and cookie in moved] == ["it.new"]
    assert (held.read_text(), target.read_text()) == ("before", "after" * 9999)
