"""Pulumi's providers of clouds and clusters: where a machine has them, or gets them from.

The Pulumi engine fetches none by itself here. One that is on PATH, or that `pulumi plugin install` put into
Pulumi's own folder, is taken before that of the cache of engines, which a stack brings that needs it.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from components import catalog
from components.engine import Engine
from engines.plugins import PREFIX, has_provider, pulumi_home

__all__ = ["folders", "pulumi_home", "to_bring", "without_logs"]

_NO_LOGS = "In place of a folder, so that the Pulumi engine writes no log of every run here.\n"


def without_logs(home: Path) -> None:
    """Of each run the engine writes all that it does to a file in `logs`, with every input: 10 MB and half of
    its processor time for a stack of 100 services in a cluster, for nobody. No setting turns that off, but
    where `logs` is no folder it goes without. A PULUMI_HOME that was given is the user's, and stays as it is.
    """
    if os.environ.get("PULUMI_HOME"):
        return
    logs = home / "logs"
    if logs.is_dir():
        shutil.rmtree(logs, ignore_errors=True)
    with contextlib.suppress(OSError):
        logs.write_text(_NO_LOGS, encoding="ascii")


def to_bring(names: Iterable[str], home: Path) -> set[str]:
    """Those engines that must be in the cache: all, without the providers that are elsewhere."""
    return {name for name in names if not _elsewhere(catalog.engine(name), home)}


def folders(home: Path) -> list[str]:
    """Where the cache has providers that are nowhere else, for the end of a PATH."""
    from engines.store import Store

    store = Store()
    return [
        str(store.executable(engine.name, program).parent)
        for engine in catalog.ENGINES
        if (program := _provider(engine)) and not _elsewhere(engine, home) and store.locate(engine.name)
    ]


def _provider(engine: Engine) -> str | None:
    """The name of the provider that an engine is."""
    return next((program for program, _ in engine.executables if program.startswith(PREFIX)), None)


def _elsewhere(engine: Engine, home: Path) -> bool:
    program = _provider(engine)
    if program is None:
        return False
    return has_provider(program.removeprefix(PREFIX), engine.version, home)
