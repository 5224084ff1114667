"""Locks that end with whoever has them, and servers asked through a host."""

import http.server
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

from tests.ports import free_port
from tests.vsi.ssh.server import Server, running
from tests.waiting import until
from vsi.errors import DeployError, Unreachable
from vsi.local import locks
from vsi.local.reach import LocalReach
from vsi.paths import REPO
from vsi.reach import Answer, Get
from vsi.ssh import holding, shell
from vsi.ssh.reach import SshReach

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("lab_here")]


# -- locks ------------------------------------------------------------------------------------------------


def is_free(folder: Path, name: str) -> bool:
    try:
        with locks.hold(folder, name, seconds=0):
            return True
    except DeployError:
        return False


def test_a_lock_is_held_and_let_go(over_ssh: SshReach, tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    with over_ssh.hold("a"), over_ssh.hold("b"):
        assert (is_free(folder, "a"), is_free(folder, "b"), is_free(folder, "c")) == (False, False, True)
        with over_ssh.hold("c"):
            assert not is_free(folder, "c")
        assert is_free(folder, "c")
    assert (is_free(folder, "a"), is_free(folder, "b")) == (True, True)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not holding._keepers


def test_who_waits_for_a_lock_is_told_of_it(over_ssh: SshReach, tmp_path: Path) -> None:
    with locks.hold(tmp_path / "locks", "a"):
        waiting = holding.hold(over_ssh.master, tmp_path / "locks", "a", seconds=0.1)
        with pytest.raises(DeployError, match=r"another run has held .*/locks/a.lock on toy"), waiting:
            pass
        with over_ssh.hold("b"):
            pass


def test_a_lock_is_waited_for(over_ssh: SshReach, tmp_path: Path) -> None:
    order: list[str] = []
    with locks.hold(tmp_path / "locks", "a"):
        thread = threading.Thread(target=lambda: order.append(_held(over_ssh)))
        thread.start()
        order.append("before")
    thread.join(30)

    assert order == ["before", "held"]


def _held(reach: SshReach) -> str:
    with reach.hold("a"):
        return "held"


def test_a_lock_ends_with_whoever_has_it(server: Server, tmp_path: Path) -> None:
    text = (
        "import sys\nfrom pathlib import Path\nfrom vsi.ssh.connection import *\n"
        "from vsi.ssh.reach import SshReach\n"
        "connection, key, root = sys.stdin.read().split('\\0')\n"
        "reach = SshReach(Connection.model_validate_json(connection), Login(key=key), Path(root))\n"
        "with reach.hold('a'):\n    print('held', flush=True)\n    import signal; signal.pause()\n"
    )
    given = "\0".join((server.connection().model_dump_json(), server.key, str(tmp_path)))
    command = [sys.executable, "-c", text]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPO
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(given)
        process.stdin.close()
        assert process.stdout.readline() == "held\n"
        assert not is_free(tmp_path / "locks", "a")
        process.kill()
    until(lambda: is_free(tmp_path / "locks", "a"), "the lock is free", 20)


def test_a_host_that_hears_nothing_lets_go(
    over_ssh: SshReach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the line is cut: the host sees no end of the connection."""
    monkeypatch.setattr(holding, "_KEEP", holding._KEEP.replace("timeout 40", "timeout 1"))
    monkeypatch.setattr(holding, "_BEAT_SECONDS", 600)
    with over_ssh.hold("a"):
        until(lambda: is_free(tmp_path / "locks", "a"), "the lock is free", 20)


def test_nothing_is_changed_without_the_lock_that_was_lost(tmp_path: Path) -> None:
    with running() as server:
        master = server.master()
        reach = SshReach(master.connection, master.login, tmp_path)
        with reach.hold("a"):
            server.stop()
            with pytest.raises(Unreachable):
                holding._keepers[reach.master].say("beat - - -")
            server.start()
            assert shell.ask(master, "echo again").output == b"again\n"
            with pytest.raises(Unreachable, match="the lock with it: another run may work there"):
                reach.change([], lambda _: None)
        master.close()


def test_a_folder_for_a_moment(over_ssh: SshReach, tmp_path: Path) -> None:
    folder = tmp_path / "it's" / "scratch"
    folder.mkdir(parents=True)
    (folder / "left").touch()
    with over_ssh.scratch(str(folder)):
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "mine").touch()
    assert not folder.exists()


# -- servers ----------------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        text = f"{self.path} {self.headers.get('Authorization')} {self.headers.get('Host')}".encode()
        self.send_response(200 if self.path.startswith("/ok") else 503)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever).start()
        yield made
        made.shutdown()


def test_http(over_ssh: SshReach, web: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    port = web.server_address[1]
    (tmp_path / "pass word").write_text("s%cr et'\n")
    get = Get(f"http://127.0.0.1:{port}/ok?a=b", user="me", password_file=str(tmp_path / "pass word"))

    assert over_ssh.get(get, 10) == Answer(200, f"/ok?a=b Basic bWU6cyVjciBldCcK 127.0.0.1:{port}".encode())
    assert over_ssh.get(Get(f"http://127.0.0.1:{port}"), 10).status == 503
    missing = Get(f"http://127.0.0.1:{port}/", user="me", password_file=str(tmp_path / "none"))
    assert over_ssh.get(missing, 10) == Answer(fault="FileNotFoundError")
    assert over_ssh.get(Get(f"http://127.0.0.1:{free_port()}/"), 10) == Answer(fault="ConnectionRefusedError")
    assert over_ssh.get(Get(f"https://127.0.0.1:{port}/"), 10).fault == "SSLError"


def test_a_password_that_the_host_does_not_have_yet(
    over_ssh: SshReach, web: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    port = web.server_address[1]
    get = Get(f"http://127.0.0.1:{port}/ok", "me", str(tmp_path / "none"), password="s3cret")
    expected = Answer(200, f"/ok Basic bWU6czNjcmV0 127.0.0.1:{port}".encode())
    assert over_ssh.get(get, 10) == expected
    assert LocalReach(tmp_path).get(get, 10) == expected
    assert "s3cret" not in repr(get)


def test_https(over_ssh: SshReach, web: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    authority, key = tmp_path / "ca.pem", tmp_path / "key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", authority, "-days", "2", "-subj", "/CN=x", "-addext",
         "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    port = web.server_address[1]

    found = over_ssh.get(Get(f"https://127.0.0.1:{port}/ok", ca_file=str(authority)), 10)
    assert (found.status, found.fault) == (200, "")
    assert over_ssh.get(Get(f"https://127.0.0.1:{port}/ok"), 10).fault == "SSLCertVerificationError"


def test_a_server_that_does_not_answer(over_ssh: SshReach) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert over_ssh.get(Get(f"http://127.0.0.1:{port}/"), 0.3) == Answer(fault="TimeoutError")
        assert over_ssh.greet("127.0.0.1", port, b"", 5) == Answer()
        assert over_ssh.greet("127.0.0.1", port, b"PING\r\n", 0.3) == Answer(fault="TimeoutError")
    assert over_ssh.greet("127.0.0.1", free_port(), b"", 5) == Answer(fault="ConnectionRefusedError")


def test_a_greeting(over_ssh: SshReach) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            stream, _ = listener.accept()
            with stream:
                stream.sendall(b"+PONG " + stream.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        assert over_ssh.greet("127.0.0.1", listener.getsockname()[1], b"PING\n", 5) == Answer(
            body=b"+PONG PING\n"
        )
        thread.join()


def test_a_host_that_forwards_nothing_connects_by_bash(
    web: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    with running("AllowTcpForwarding no") as server:
        master = server.master()
        reach = SshReach(master.connection, master.login, PurePath(tmp_path))
        port = web.server_address[1]
        assert reach.get(Get(f"http://127.0.0.1:{port}/ok"), 10).status == 200
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent_port = silent.getsockname()[1]
            assert reach.greet("127.0.0.1", silent_port, b"", 10) == Answer()
            assert reach.greet("127.0.0.1", silent_port, b"PING", 1) == Answer(fault="TimeoutError")
        assert reach.greet("127.0.0.1", free_port(), b"", 10) == Answer(fault="ConnectionRefusedError")
        master.close()
