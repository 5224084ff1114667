"""What our programs that answer requests have in common: settings from a file, and serving until a signal."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import uvicorn
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette

from agents.login import Guarded, Login

M = TypeVar("M", bound=BaseModel)

GRACE = 5  # seconds that requests in flight get when the program stops


class _Server(uvicorn.Server):
    """uvicorn, except that a stop by signal is a normal end and not a death by signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on TERM and INT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def load(path: Path, model: type[M]) -> M:
    """The settings. Exits 2, naming what is wrong with them."""
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems: Any = error.errors(include_url=False) if isinstance(error, ValidationError) else []
        text = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in problems)
        refuse(path, text or str(error))


def refuse(path: Path, why: str) -> NoReturn:
    """Exits 2, saying why a settings file is of no use."""
    sys.stderr.write(f"{path}: not valid: {why}\n")
    raise SystemExit(2)


def serve(app: Starlette, host: str, port: int, login: Login | None = None) -> None:
    """Serve until TERM or INT, those who log in if there is a login. Exits 1 if the port is taken."""
    config = uvicorn.Config(
        Guarded(app, login) if login else app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    _Server(config).run()
