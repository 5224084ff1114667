"""Whatever a host makes of a login: users that are not root, shells that are not sh, and noise on the way."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts.base import locate
from tests.vsi.ssh.server import Server, running
from vsi.errors import Unreachable
from vsi.reach import Look
from vsi.ssh import shell
from vsi.ssh.reach import SshReach

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("lab_here")]

PASSWORD = "s%ec're t$HOME"
HASH = "$6$obsobsobs$e0yxFo6SRPtxK4zKLuNZxLPEtDHaym3.Rq2/6yLVIWq3TuP9mnK4wG8ECJf3dnDkEOHmeDuhokvvtfhaVxP/U/"
NOISE = "obs-ready\nWelcome 'to' \"this\" $host\nobs 0 0 watch\n"


@contextmanager
def host(
    login_shell: str = "/bin/sh", sudoers: str = "", *lines: str, home: dict[str, str] | None = None
) -> Iterator[Server]:
    """A host that has a user `toy`, with files in its home folder, and rules of sudo's."""
    base = locate()
    assert base
    passwd, shadow = (base / "etc/passwd").read_text(), (base / "etc/shadow").read_text()
    with running(*lines) as server:
        server.stop()
        folder = server.folder / "home"
        folder.mkdir()
        for path, text in (home or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        mounts = [
            ("/etc/passwd", f"{passwd}toy:x:1999:1999::{folder}:{login_shell}\n"),
            ("/etc/shadow", f"{shadow}toy:{HASH}:19000:0:99999:7:::\n"),
        ]
        if sudoers:
            mounts.append(("/etc/sudoers", f"Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n{sudoers}\n"))
        server.mounts = tuple(mounts)
        server.start()
        yield server
        server.master(user="toy").close()


def told(server: Server, password: str | None = None) -> str:
    with pytest.raises(Unreachable) as caught:
        shell.ask(server.master(password, user="toy"), "echo in")
    return str(caught.value)


WORDS = "'a b' \"it's\" '!x' '\\\\' '$HOME'"
SCRIPT = f"id -u; umask; pwd; echo \"$LC_ALL\"; printf '%s|' {WORDS}; echo err >&2; exit 3"
ANSWER = b"0\n0022\n/\nC\na b|it's|!x|\\\\|$HOME|"
FREE = "toy ALL=(ALL) NOPASSWD: ALL"


def test_a_login_shell_with_noise_of_its_own() -> None:
    noise = f"cat <<'END'\n{NOISE}END\necho obs-ready >&2\numask 077\n"
    with host("/bin/bash", FREE, home={".bashrc": noise}) as server:
        reply = shell.ask(server.master(user="toy"), SCRIPT)

    assert (reply.code, reply.output, reply.errors) == (3, ANSWER, b"err\n")


def test_the_command_line_means_the_same_to_every_shell() -> None:
    """Tried with fish 3.6 and tcsh 6.24. Within single quotes, these alone are read in ways of their own; csh
    reads `!` so where people type."""
    assert not set("'!\n") & set(shell._LOOP.replace("$!;", ""))
    assert not re.search(r"\\(?![\"$])", shell._LOOP)


def test_a_login_shell_that_carries_nothing_out() -> None:
    with host("/usr/sbin/nologin") as server:
        text = told(server)
    assert text.startswith(f"toy: toy@127.0.0.1 port {server.port}: the login shell of 'toy' does not carry")
    assert "This account is currently not available" in text


def test_a_key_that_may_run_one_command_only() -> None:
    with host("/bin/sh", "", "ForceCommand echo only this") as server:
        assert "does not carry commands out: only this" in told(server)


def test_a_banner_says_what_it_likes(tmp_path: Path) -> None:
    banner = tmp_path / "banner"
    banner.write_text("ssh: connect to host x port 1: Connection refused\nPermission denied\n" + NOISE)
    with host("/bin/sh", FREE, f"Banner {banner}") as server:
        assert shell.ask(server.master(user="toy"), "echo in").output == b"in\n"


def test_a_password_goes_to_sudo_and_nowhere_else(tmp_path: Path) -> None:
    with host("/bin/sh", "toy ALL=(ALL) ALL") as server:
        master = server.master(PASSWORD, user="toy")
        with shell.shell(master) as root:
            reply = root.ask("id -u; cat /proc/self/environ /proc/[0-9]*/cmdline 2>/dev/null")
            assert reply.output.startswith(b"0\n")
            assert PASSWORD.encode() not in reply.output
            assert root.ask("head -c 5", b"a\0b c").output == b"a\0b c"
        reach = SshReach(master.connection, master.login, tmp_path)
        (tmp_path / "mine").write_text("x")
        assert reach.look(Look(read=("mine",))).data("mine") == b"x"
        assert PASSWORD not in repr(reach)


def test_a_password_that_sudo_does_not_ask_for_is_taken_for_nothing_else() -> None:
    with host("/bin/sh", FREE) as server, shell.shell(server.master(PASSWORD, user="toy")) as root:
        assert root.ask("echo in").output == b"in\n"
        assert root.ask("cat").output == b""


@pytest.mark.parametrize(
    ("rule", "password", "words"),
    [
        ("toy ALL=(ALL) ALL", None, "sudo asks 'toy' for a password and none is given"),
        ("toy ALL=(ALL) ALL", "wrong", "sudo did not take the password of 'toy'"),
        (
            "Defaults insults, badpass_message=No!\ntoy ALL=(ALL) ALL",
            "wrong",
            "sudo did not take the password",
        ),
        ("Defaults requiretty\n" + FREE, None, "sudo wants a terminal (requiretty)"),
        ("Defaults requiretty\n" + FREE, PASSWORD, "sudo wants a terminal (requiretty)"),
        ("nobody ALL=(ALL) ALL", None, "sudo asks 'toy' for a password"),
        ("nobody ALL=(ALL) ALL", PASSWORD, "'toy' may not use sudo there"),
        ("toy ALL=(ALL) NOPASSWD: /bin/true", None, "sudo asks 'toy' for a password"),
    ],
)
def test_sudo_that_makes_no_root(rule: str, password: str | None, words: str) -> None:
    with host("/bin/sh", rule) as server:
        text = told(server, password)
        tries = server.log

    assert words in text
    assert "authentication failures" not in tries


def test_sudo_that_gives_a_terminal_of_its_own() -> None:
    data = bytes(range(256)) * 500
    rules = f"Defaults use_pty\n{FREE}"
    with host("/bin/sh", rules) as server, shell.shell(server.master(user="toy")) as root:
        assert root.ask(f"head -c {len(data)}", data).output == data
        assert root.ask("echo out; echo err >&2").errors == b"err\n"


def test_a_host_of_another_language_with_a_narrow_umask() -> None:
    lines = ("SetEnv LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de",)
    with host("/bin/sh", "toy ALL=(ALL) ALL", *lines) as server:
        assert "sudo did not take the password" in told(server, "wrong")
        assert shell.ask(server.master(PASSWORD, user="toy"), SCRIPT).output == ANSWER
