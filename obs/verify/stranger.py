"""What a socket tells a stranger: somebody who reaches it over the network and has no certificate."""

import socket
import ssl

SECONDS = 5.0
_ASKED = b"GET / HTTP/1.1\r\nHost: stranger\r\nConnection: close\r\n\r\n"


def why_open(address: str, port: int) -> str:
    """Why a socket is open to strangers, in a few words; '' if it is closed to them."""
    speaks_tls = False
    try:
        with socket.create_connection((address, port), SECONDS) as plain:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain) as stream:
                speaks_tls = True
                stream.sendall(_ASKED)
                answer = stream.recv(200)
    except ssl.SSLError as error:
        # An alert is how TLS says no. Who hangs up after the handshake may have sent one that was lost;
        # anything else is no TLS.
        return "" if speaks_tls or "ALERT" in (error.reason or "") else _in_plain(address, port)
    except (ConnectionResetError, BrokenPipeError):
        return ""
    except OSError as error:
        return f"cannot be reached to be judged: {error}"
    first = answer.split(b"\r\n", 1)[0].decode(errors="replace")
    if not answer or first.split()[1:2] in (["401"], ["403"]):
        return ""
    return f"answers a stranger: {first!r}"


def _in_plain(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), SECONDS) as stream:
            stream.settimeout(SECONDS)
            stream.sendall(_ASKED)
            answer = stream.recv(200)
    except OSError:
        return "does not speak TLS"
    return f"speaks in plain: {answer[:40]!r}" if answer else "does not speak TLS"
