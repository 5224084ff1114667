"""A service whose settings name certificates answers who shows one of its authority, and nobody else."""

import ssl
from pathlib import Path

import httpx

from tests.demo.support import Program, make_settings
from tests.waiting import until
from vsi import tls


def _context(folder: Path, authority: Path, name: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def _asked(url: str, context: ssl.SSLContext) -> int:
    """The status; 0 for none."""
    try:
        return httpx.get(url, verify=context, timeout=5).status_code
    except httpx.HTTPError:
        return 0


def test_only_who_shows_a_certificate_is_answered(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        for name, content in tls.renewed({}, ("payments", "operator")).items():
            (folder / name).write_bytes(content)
    files = {"certificate": str(own / "payments.pem"), "key": str(own / "payments.key")}
    settings = make_settings("payments", serving={"ca": str(own / "ca.pem"), **files})
    program = Program("payments", settings, tmp_path).start()
    base = f"https://127.0.0.1:{settings['port']}"
    try:
        until(lambda: _asked(f"{base}/health", _context(own, own, "operator")) == 200, "it answers")
        for path in ("/", "/health", "/metrics", "/faults"):
            assert _asked(f"{base}{path}", _context(own, own, "operator")) == 200, path
            assert _asked(f"{base}{path}", _context(own, own)) == 0, path
            assert _asked(f"{base}{path}", _context(other, own, "operator")) == 0, path
    finally:
        program.kill()
