"""One connection to a host: opened once, known by its key, opened anew when it is gone, and what is said when
there is none."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.vsi.ssh.server import Server, make_key, running
from tests.waiting import until
from vsi.errors import Unreachable
from vsi.paths import REPO
from vsi.ssh import master as master_module
from vsi.ssh import mux, shell
from vsi.ssh.connection import Connection, Login, fingerprint
from vsi.ssh.master import Master

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("lab_here")]


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that a test may do anything to."""
    with running() as server:
        yield server
        server.master().close()


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """In threads that begin together."""
    gate, found, faults = threading.Barrier(count), [None] * count, []

    def one(number: int) -> None:
        try:
            gate.wait(30)
            found[number] = work(number)  # type: ignore[call-overload]
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return list(found)


def connections(server: Server) -> int:
    return server.log.count("Accepted publickey")


def master_pid(server: Server) -> int:
    """Of the ssh process of this user's that is the connection."""
    path = server.master().socket(0)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if path.encode() in words and words.startswith(b"ssh"):
                return int(entry.name)
    raise AssertionError("no master")


def test_opened_once_by_many(own: Server) -> None:
    master = own.master()

    answers = at_once(6, lambda number: shell.ask(master, f"echo {number}; id -u").output)

    assert answers == [f"{number}\n0\n".encode() for number in range(6)]
    assert connections(own) == 1


def test_a_dead_connection_is_replaced(own: Server) -> None:
    master = own.master()
    shell.ask(master, ":")

    os.kill(master_pid(own), signal.SIGKILL)

    assert Path(master.socket(0)).exists(), "its socket is left"
    assert shell.ask(master, "echo again").output == b"again\n"
    assert connections(own) == 2


def test_a_host_that_was_started_anew_is_reached_anew(own: Server) -> None:
    master = own.master()
    shell.ask(master, ":")
    own.stop()
    own.start()

    assert until(lambda: _answer(master)) == b"again\n"


def _answer(master: Master) -> bytes:
    try:
        return shell.ask(master, "echo again").output
    except Unreachable:
        return b""


def test_a_host_that_dies_during_a_command_is_told(own: Server) -> None:
    master = own.master()
    with shell.shell(master) as root:
        root.ask(":")
        own.stop()
        with pytest.raises(
            Unreachable, match=rf"toy: root@127.0.0.1 port {own.port}: the connection was lost"
        ):
            root.ask("echo")
    with pytest.raises(Unreachable, match=r"connection refused\. The host is up, and no SSH server"):
        shell.ask(master, "echo")


def test_a_command_that_takes_too_long_ends_there_too(own: Server, tmp_path: Path) -> None:
    script = f"echo $$ >{tmp_path}/pid; sleep 1000 & echo $! >{tmp_path}/pid; wait"

    with pytest.raises(Unreachable, match="no answer to a command within 2 s"):
        shell.ask(own.master(), script, seconds=2)

    until(lambda: not _lives(tmp_path / "pid"), "the process on the host is gone", 20)


def _lives(file: Path) -> bool:
    try:
        return "sleep" in Path(f"/proc/{int(file.read_text())}/cmdline").read_text()
    except (OSError, ValueError):
        return False


def test_what_runs_there_ends_when_we_are_killed(own: Server, tmp_path: Path) -> None:
    shell.ask(own.master(), ":")
    text = (
        "import sys; from vsi.ssh import shell\n"
        "from vsi.ssh.connection import *; from vsi.ssh.master import Master\n"
        "connection, login, script = sys.stdin.read().split('\\0')\n"
        "master = Master(Connection.model_validate_json(connection), Login(key=login))\n"
        "shell.ask(master, script, seconds=600)"
    )
    script = f"sleep 1000 & echo $! >{tmp_path}/pid; wait"
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, text=True, cwd=REPO
    ) as process:
        assert process.stdin
        process.stdin.write("\0".join((own.connection().model_dump_json(), own.key, script)))
        process.stdin.close()
        until(lambda: _lives(tmp_path / "pid"), "the process on the host", 30)
        process.kill()

    until(lambda: not _lives(tmp_path / "pid"), "the process on the host is gone", 20)
    assert connections(own) == 1


def test_more_at_once_than_one_connection_takes(own: Server) -> None:
    master, gate = own.master(), threading.Barrier(11)

    def work(number: int) -> bytes:
        with shell.shell(master) as root:
            root.ask(":")
            gate.wait(60)
            return root.ask(f"echo {number}").output

    assert at_once(11, work) == [f"{number}\n".encode() for number in range(11)]
    assert connections(own) == 2


def test_a_host_that_takes_one_session_at_a_time() -> None:
    with running("MaxSessions 1") as server:
        master = server.master()
        with shell.shell(master) as one, shell.shell(master) as two:
            assert (one.ask("echo 1").output, two.ask("echo 2").output) == (b"1\n", b"2\n")
        master.close()


def test_ended_on_request(own: Server) -> None:
    master = own.master()
    shell.ask(master, ":")
    assert mux.alive(master.socket(0))

    master.close()

    until(lambda: not mux.alive(master.socket(0)))
    master.close()


def test_nothing_secret_stands_in_an_argument_list_or_on_a_disk(own: Server) -> None:
    master = own.master()
    shell.ask(master, ":")

    words = (
        Path(f"/proc/{master_pid(own)}/cmdline").read_bytes()
        + Path(f"/proc/{master_pid(own)}/environ").read_bytes()
    )
    line = own.key.splitlines()[2].encode()
    assert line not in words
    files = [file for file in master_module.folder().iterdir() if file.is_file()]
    assert files
    assert not any(line in file.read_bytes() for file in files)
    assert line.decode() not in repr(master)


# -- no connection ----------------------------------------------------------------------------------------


def refused(connection: Connection, key: str | None, *, password: str | None = None) -> str:
    with pytest.raises(Unreachable) as caught:
        shell.ask(Master(connection, Login(key=key, sudo_password=password)), "echo")
    return str(caught.value)


def test_nobody_listens(own: Server) -> None:
    port = free_port()
    text = refused(own.connection(port=port), own.key)
    assert text.startswith(f"toy: root@127.0.0.1 port {port}: connection refused")


def test_nobody_answers(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_module, "CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = refused(own.connection(port=silent.getsockname()[1]), own.key)
    assert "no SSH server answered (after 1 s)" in text


def test_no_such_name(own: Server) -> None:
    assert "no such address is known here" in refused(own.connection(address="nowhere.invalid"), own.key)


def test_a_key_that_the_host_does_not_know(own: Server, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    text = refused(own.connection(), (tmp_path / "other").read_text())
    assert "does not let user 'root' in with this key" in text


def test_no_key_at_all(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert "does not let user 'root' in" in refused(own.connection(), None)


def test_a_key_of_the_agent(own: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sock = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL) as agent:
        try:
            until(sock.exists)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
            subprocess.run(["ssh-add", "-q", own.folder / "user"], check=True)
            master = Master(own.connection(), Login())
            assert shell.ask(master, "echo in").output == b"in\n"
            master.close()
        finally:
            agent.terminate()


def test_keys_that_cannot_be_used(own: Server, tmp_path: Path) -> None:
    make_key(tmp_path / "locked", "-q")
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-N", "secret", "-f", tmp_path / "locked"], check=True, stdout=-3
    )
    assert "key has a passphrase" in refused(own.connection(), (tmp_path / "locked").read_text())
    assert "key is none that this OpenSSH can read" in refused(own.connection(), "no key")
    assert "key is none" in refused(own.connection(), (own.folder / "user.pub").read_text())


def test_a_key_from_another_system(own: Server) -> None:
    master = Master(own.connection(), Login(key=own.key.strip().replace("\n", "\r\n")))
    assert shell.ask(master, "echo in").output == b"in\n"
    master.close()


def test_a_changed_host_key_stops_everything(own: Server, tmp_path: Path) -> None:
    pinned = make_key(tmp_path / "before")
    text = refused(own.connection(host_keys=(pinned,)), own.key)

    assert "ITS HOST KEY HAS CHANGED" in text
    assert fingerprint(pinned) in text
    assert fingerprint(own.host_key) in text
    assert " ".join(own.host_key.split()[:2]) in text
    assert "Accepted" not in own.log


def test_what_the_user_knows_of_hosts_stops_nothing_and_lets_nobody_in(
    own: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Odd lines in their `known_hosts`, and a configuration that leads elsewhere: only pinned keys count."""
    (tmp_path / "known_hosts").write_text(
        f"@what\n\0\xff ssh\n|1|x|\n[127.0.0.1]:{own.port} {own.host_key}\n"
    )
    (tmp_path / "config").write_text("Host *\n  ProxyCommand false\n  NoSuchOption yes\n")
    text = (
        "import sys\nfrom vsi.errors import Unreachable\nfrom vsi.ssh import shell\n"
        "from vsi.ssh.connection import *\nfrom vsi.ssh.master import Master\n"
        "connection, key = sys.stdin.read().split('\\0')\n"
        "master = Master(Connection.model_validate_json(connection), Login(key=key))\n"
        "try:\n    print(shell.ask(master, 'echo in').output.decode())\n    master.close()\n"
        "except Unreachable as error:\n    print(error)\n"
    )
    own_ssh = Path("~/.ssh").expanduser()
    if not own_ssh.exists():
        own_ssh.mkdir(mode=0o700)
        request.addfinalizer(own_ssh.rmdir)
    home = 'mount -t tmpfs none ~/.ssh; cp "$1"/known_hosts "$1"/config ~/.ssh; shift; exec "$@"'
    command = ["unshare", "--mount", "sh", "-euc", home, "sh", str(tmp_path), sys.executable, "-c", text]

    def said(**more: object) -> str:
        given = f"{own.connection(**more).model_dump_json()}\0{own.key}"
        done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=REPO, check=False)
        return done.stdout.strip() or done.stderr

    assert said() == "in"
    assert "ITS HOST KEY HAS CHANGED" in said(host_keys=(make_key(tmp_path / "other"),))


def test_a_host_key_of_another_kind_does_not_count(own: Server, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "other"], check=True)
    text = refused(own.connection(host_keys=((tmp_path / "other.pub").read_text(),)), own.key)
    assert "HAS CHANGED" in text
    assert fingerprint(own.host_key) in text


def test_a_host_without_a_pinned_key_is_not_logged_in_to(own: Server) -> None:
    text = refused(own.connection(host_keys=()), own.key)

    assert "no host key is pinned" in text
    assert fingerprint(own.host_key) in text
    assert f"`{' '.join(own.host_key.split()[:2])}`" in text
    assert "Accepted" not in own.log


def test_one_of_two_pinned_keys_is_enough(own: Server, tmp_path: Path) -> None:
    keys = (make_key(tmp_path / "old"), own.host_key)
    master = own.master(host_keys=keys)
    assert shell.ask(master, "echo in").output == b"in\n"
    master.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "-oProxyCommand=x"},
        {"address": "-oProxyCommand=x"},
        {"address": "a b"},
        {"user": "a b"},
        {"user": "-l"},
        {"port": 0},
        {"host_keys": ("ssh-ed25519",)},
        {"host_keys": ("ssh-ed25519 AAAA",)},
        {"host_keys": ("# odd line\n",)},
        {"jump": {"host": "toy", "address": "127.0.0.1"}},
    ],
)
def test_what_is_no_connection(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        Connection.model_validate({"host": "toy", "address": "127.0.0.1"} | wrong)


# -- by way of another ------------------------------------------------------------------------------------


def test_by_way_of_a_jump_host(own: Server) -> None:
    with running() as hop:
        (hop.folder / "authorized").write_text((own.folder / "user.pub").read_text())
        way = hop.connection(host="hop")
        master = own.master(jump=way)

        assert shell.ask(master, "echo $SSH_CONNECTION").output.split()[3] == str(own.port).encode()
        assert (connections(hop), connections(own)) == (1, 1)
        other = free_port()
        assert "its jump host hop says: Connection refused" in refused(
            own.connection(jump=way, port=other), own.key
        )
        strange = hop.connection(host="hop", host_keys=(own.host_key,))
        text = refused(own.connection(jump=strange, user="root"), own.key)
        assert text.startswith("hop: ")
        assert "ITS HOST KEY HAS CHANGED" in text
        changed = refused(own.connection(jump=way, host_keys=(hop.host_key,)), own.key)
        assert changed.startswith("toy: ")
        assert fingerprint(own.host_key) in changed
        master.close()
        Master(way, master.login).close()
    text = refused(own.connection(jump=way), own.key)
    assert text.startswith("hop: ")
    assert "connection refused" in text
