"""The unit file of a unit, as text made of data; and whether such a file is as we wrote it."""

import re

from vsi.errors import DeployError
from vsi.paths import StatePaths
from vsi.program import digest
from vsi.systemd.hardening import settings_of
from vsi.systemd.places import is_service, kept, service, shown
from vsi.unit import HostUnit

_FIRST = re.compile(
    r"# obs, stack ([a-z0-9_.-]+), unit ([a-z0-9_.-]+): written by every apply ([0-9a-f]{64})"
)
_ROOM = "size=16M,mode=0777,nosuid,nodev,noexec"
"""For links, and for the copy of a configuration. Nobody but the unit itself sees it."""

Lines = list[tuple[str, str]]


def unit_file(unit: HostUnit, stack: str, paths: StatePaths) -> str:
    """The unit file. Its first line tells whose it is, and a digest of the rest: an edited file is known by
    it."""
    sections = {
        "Unit": _unit(unit, stack),
        "Service": _service(unit, stack, paths),
        "Install": [("WantedBy", "multi-user.target")],
    }
    texts = [
        "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in lines)])
        for name, lines in sections.items()
    ]
    body = "\n\n".join(texts) + "\n"
    return f"# obs, stack {stack}, unit {unit.name}: written by every apply {digest(body)}\n{body}"


def owner(text: str) -> tuple[str, str] | None:
    """Stack and unit of a file that we wrote, edited since or not; None for a stranger's."""
    match = _FIRST.fullmatch(text.partition("\n")[0])
    return (match[1], match[2]) if match else None


def intact(text: str) -> bool:
    """Whether a file is as we wrote it."""
    first, _, body = text.partition("\n")
    match = _FIRST.fullmatch(first)
    return match is not None and match[3] == digest(body)


def _unit(unit: HostUnit, stack: str) -> Lines:
    needs = [service(stack, need) for need in sorted(unit.needs_here)]
    return [
        ("Description", f"{unit.name} of the observability stack {stack}"),
        ("Wants", "network-online.target"),
        ("After", " ".join(["network-online.target", *needs])),
        # Tried again for ever, as often as it ends.
        ("StartLimitIntervalSec", "0"),
    ]


def _service(unit: HostUnit, stack: str, paths: StatePaths) -> Lines:
    process = unit.process
    lines = [
        ("Type", "exec"),
        ("ExecStart", f"/bin/sh {shown(stack, unit.name)}/run"),
        *([("ExecReload", '/bin/sh -c "kill -HUP $$MAINPID"')] if process.reload else []),
        ("Restart", "always"),
        ("RestartSec", "2"),
        ("KillSignal", f"SIG{process.stop_signal}"),
        ("TimeoutStopSec", str(process.stop_seconds)),
        ("StandardOutput", "journal"),
        ("StandardError", "journal"),
        ("SyslogIdentifier", f"obs-{stack}-{unit.name}"),
        ("DynamicUser", "yes"),
        *_folders(unit, stack, paths),
    ]
    settings = settings_of(unit, stack)
    return lines + [(name, value) for name, values in settings.items() for value in values]


def _folders(unit: HostUnit, stack: str, paths: StatePaths) -> Lines:
    own, here = paths.unit(unit.name), shown(stack, unit.name)
    if re.search(r"[^A-Za-z0-9_./-]", str(paths.root)):
        raise DeployError(unit.name, f"the state folder {str(paths.root)!r} holds a character with a meaning")
    secrets = [(name, paths.secrets / name) for name in unit.secrets]
    secrets += [(name, paths.tls / name) for name in unit.certificate_files]
    logs = is_service(unit) or uses_logs(unit)
    return [
        ("StateDirectory", kept(stack, unit.name).removeprefix("/var/lib/private/")),
        ("StateDirectoryMode", "0700"),
        *([("LogsDirectory", f"obs/{stack}/{unit.name}"), ("LogsDirectoryMode", "0700")] if logs else []),
        ("TemporaryFileSystem", f"{here}:{_ROOM}"),
        ("BindReadOnlyPaths", f"{own.conf}:{here}/conf"),
        ("BindReadOnlyPaths", f"{own.run}:{here}/run"),
        ("WorkingDirectory", f"{here}/conf"),
        *[("LoadCredential", f"{name}:{path}") for name, path in secrets],
    ]


def uses_logs(unit: HostUnit) -> bool:
    """Whether a program writes logs of its own, beside what it says."""
    process = unit.process
    return any("{log}" in text for text in (*process.command, *(value for _, value in process.environment)))
