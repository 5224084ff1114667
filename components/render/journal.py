"""Settings of `agents.journal`, which brings the messages of units from the journal of its host into files
that the log agent reads as any other."""

import posixpath

from components.render.collector_files import with_records
from components.render.document import Document, Documents, ordered
from components.running import Health, Running, ours
from components.site import Site
from components.spec import Spec
from components.spec.logging import Input
from components.spec.services import LogSource

NAME = "journal"
FILE_BYTES, OLDER = 50_000_000, 2
"""As large as a file becomes before the next begins, and how many older ones stay."""


def render(spec: Spec, site: Site) -> Documents:
    """`settings.json`: which units, into which files, in which form."""
    settings = {
        "host": site.host(NAME),
        "port": site.port(NAME),
        "state": site.data(NAME),
        "file_bytes": FILE_BYTES,
        "older": OLDER,
        "labels": spec.environment.labels,
        "units": [
            {"unit": unit, "file": posixpath.basename(site.journal(unit)), "form": _form(log)}
            for log in _sources(spec)
            if (unit := log.journal)
        ],
    }
    return {"settings.json": Document(ordered(settings), "json")}


def _sources(spec: Spec) -> list[LogSource | Input]:
    return [log for service in spec.services for log in service.logs] + list(spec.logging.inputs)


def _form(log: LogSource | Input) -> str:
    """What becomes of the lines of a message: where nothing puts them together again, it is one."""
    if with_records(log):
        return "record"
    if log.multiline is not None:
        return "lines"
    return "json" if log.format == "json" else "line"


def running(spec: Spec, site: Site) -> Running:
    """A process beside it for each unit. `{log}` gives it the folder of its files."""
    del site
    run = ours(
        "agents.journal", Health(NAME, "/health"), 60 + 15 * sum(1 for log in _sources(spec) if log.journal)
    )
    return Running((*run.command, "--folder", "{log}"), run.health, run.memory_mb, checks=run.checks)
