"""A login before programs of ours that serve no TLS and stand where others can dial them."""

import base64
import hmac
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = ("/health",)
"""Tells nothing but that it serves: whoever keeps the program asks."""

ASKED = {"WWW-Authenticate": 'Basic realm="obs", charset="UTF-8"'}
REFUSAL = "log in with the user and the password of this stack\n"


class Login(BaseModel):
    """Who may ask: a user, and the file of the password, relative to the working directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str
    password_file: str

    def header(self) -> bytes:
        """What such a user sends. OSError if there is no such file."""
        password = Path(self.password_file).read_text(encoding="utf-8").strip()
        return b"Basic " + base64.b64encode(f"{self.user}:{password}".encode())


class Reader(Login):
    """Who may know some of the numbers: those of these kinds, and those of no kind."""

    kinds: tuple[str, ...]


class Guarded:
    """An app that answers those who log in."""

    def __init__(self, app: ASGIApp, login: Login) -> None:
        self._app = app
        self._wanted = login.header()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may be asked."""
        app: ASGIApp = self._app
        if scope["type"] == "http" and scope["path"] not in OPEN and not self._knows(scope):
            app = PlainTextResponse(REFUSAL, 401, ASKED)
        await app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(sent, self._wanted)
