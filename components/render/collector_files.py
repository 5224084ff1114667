"""Where log lines are read: each service's files and the further inputs, one receiver each."""

from dataclasses import dataclass
from typing import Any

from components.spec import Spec

MAX_LINE = "256KiB"
"""A longer line becomes several records."""


@dataclass(frozen=True)
class Source:
    """Files whose lines are understood in one way."""

    name: str
    service: str
    path: str
    format: str
    pattern: str | None


def sources(spec: Spec) -> tuple[Source, ...]:
    """Every place where lines are read, services in the stack file's order, then further inputs. A further
    source of a service is called `<service>-2` and so on."""
    found = []
    for service in spec.services:
        for number, log in enumerate(service.logs, 1):
            name = service.name if number == 1 else f"{service.name}-{number}"
            path = log.path or f"../../{service.name}/log/{service.name}.log"
            found.append(Source(name, service.name, path, log.format, log.pattern))
    found += [
        Source(item.name, item.name, item.path, item.format, item.pattern) for item in spec.logging.inputs
    ]
    return tuple(found)


def receivers(spec: Spec) -> dict[str, Any]:
    """One receiver a source, so that a new service adds one and touches no other."""
    return {f"filelog/{source.name}": _receiver(source) for source in sources(spec)}


def _receiver(source: Source) -> dict[str, Any]:
    return {
        "exclude": [f"{source.path}.*.gz"],
        # A line that is not ended yet is left alone for so long.
        "force_flush_period": "5s",
        # Rotated files too: what was not read before the rotation is read after it.
        "include": [source.path, f"{source.path}.[0-9]*"],
        "include_file_name": False,
        "include_file_path": True,
        "include_file_record_offset": True,
        "max_log_size": MAX_LINE,
        "resource": {"log.format": source.format, "log.source": source.name, "service": source.service},
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "start_at": "beginning",
        "storage": "file_storage/logs",
    }
