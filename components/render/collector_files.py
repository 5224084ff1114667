"""Where log lines are read: each service's files and the further inputs, one receiver each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from components.render import ottl
from components.site import Site
from components.spec import Spec
from components.spec.logging import Input, Multiline
from components.spec.services import LogSource

MAX_LINE_BYTES = 256 * 1024
"""A longer record becomes several."""


@dataclass(frozen=True)
class Source:
    """Files whose lines are understood in one way."""

    name: str
    service: str
    path: str
    format: str
    pattern: str | None
    """What the whole record matches; where it has several lines, `.` stands for a line's end too."""
    multiline: Multiline | None = None
    wrapped: bool = False
    """Whether its lines come behind words of a container runtime."""
    forwarded: bool = False
    """Whether a container runtime hands its lines over, so that no file has a place of them."""


RUNTIME = r"^\S+ (?:stdout|stderr) [FP] "
"""What a container runtime (CRI) puts before each line."""


def sources(spec: Spec, site: Site) -> tuple[Source, ...]:
    """Every place where lines are read, services in the stack file's order, then further inputs. A further
    source of a service is called `<service>-2` and so on."""
    found = []
    for service in spec.services:
        for number, log in enumerate(service.logs, 1):
            name = service.name if number == 1 else f"{service.name}-{number}"
            found.append(_source(site, (name, service.name), _path(site, log) or site.log(service), log))
    found += [
        _source(site, (item.name, item.name), _path(site, item) or "", item) for item in spec.logging.inputs
    ]
    return tuple(found)


def _path(site: Site, log: LogSource | Input) -> str | None:
    return site.journal(log.journal) if log.journal else log.path


def with_records(log: LogSource | Input) -> bool:
    """Whether our reader of the journal writes records with the journal's own time and level, in place of a
    unit's words alone. A record of several lines begins as the words of its first do, so it cannot then."""
    return log.journal is not None and log.format == "text" and log.multiline is None


def _source(site: Site, names: tuple[str, str], path: str, log: LogSource | Input) -> Source:
    """`names`: the source's, and its service's."""
    pattern = log.pattern
    if pattern is not None and log.multiline is not None:
        pattern = f"(?s){pattern}"
    form = "json" if with_records(log) else log.format
    return Source(*names, path, form, pattern, log.multiline, site.wrapped(path))


def _start(source: Source, multiline: Multiline) -> str:
    """How a record begins, seen behind the runtime's words where there are any."""
    start = multiline.start_pattern
    if not source.wrapped:
        return start
    return f"{RUNTIME}(?:{start[1:]})" if start.startswith("^") else f"{RUNTIME}.*(?:{start})"


def receivers(spec: Spec, site: Site) -> dict[str, Any]:
    """One receiver a source, so that a new service adds one and touches no other."""
    found = sources(spec, site)
    return {f"logfiles/{source.name}": _receiver(source, excluded(source, found)) for source in found}


def excluded(source: Source, sources: Iterable[Source]) -> list[str]:
    """Paths that this one's glob leaves to others. One order for all, or three globs could each leave a file
    to the next."""
    ordered = sorted(sources, key=lambda one: _vague(one.path))
    return _others(source, ordered[: ordered.index(source)])


_WILDCARD = re.compile(r"[*?\[{]")


@lru_cache(maxsize=4096)  # each path is held against every other one
def _vague(path: str) -> tuple[bool, int]:
    """How little a path says of the file: one that is named comes first, then the glob with most text."""
    return _WILDCARD.search(path) is not None, -len(re.sub(r"[*?\[\]{}]", "", path))


def _others(source: Source, before: list[Source]) -> list[str]:
    """What sources that say more of their files read, and this glob may match too: each file is read once.
    What it does not match does no harm."""
    return sorted({other.path for other in before if may_meet(source.path, other.path)})


def may_meet(glob: str, path: str) -> bool:
    """Whether a glob may match files of a path, which may be a glob too."""
    own, text = _text(glob), _text(path)
    return glob != own and (text.startswith(own) or own.startswith(text))


@lru_cache(maxsize=4096)
def _text(path: str) -> str:
    """A path up to its first wildcard."""
    return _WILDCARD.split(path, maxsplit=1)[0]


def _receiver(source: Source, others: list[str]) -> dict[str, Any]:
    """What rotation makes of a file is found and read on by the receiver itself."""
    found: dict[str, Any] = {
        **({"exclude": others} if others else {}),
        "include": [source.path],
        "max_log_size": MAX_LINE_BYTES,
        "resource": {"log.format": source.format, "log.source": source.name, "service": source.service},
        "storage": "file_storage/logs",
    }
    if source.multiline is not None:
        found["multiline"] = {
            "line_start_pattern": _start(source, source.multiline),
            "max_lines": source.multiline.max_lines,
            "max_wait": ottl.duration(source.multiline.max_wait),
        }
    return found
