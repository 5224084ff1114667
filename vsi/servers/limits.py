"""What a host gives the programs that systemd starts on it: open files, processes, room for data.

systemd gives a unit at most what it may give itself, and says nothing where that is less than the unit asks
for, as in many containers. So it is asked by a command of its own, started as the unit would be.
"""

import shlex
from collections.abc import Iterable
from pathlib import PurePath

from components.target import Obstacle
from vsi.preflight import MAX_MAP_COUNT, obstacle
from vsi.reach import Survey
from vsi.systemd.hardening import JVM
from vsi.unit import HostUnit

STORE = "opensearch"
FILES, PROCESSES = int(JVM["LimitNOFILE"][0]), int(JVM["LimitNPROC"][0])
"""What a node of several refuses to start below."""
STORE_MB, OTHERS_MB = 3_000, 500
"""Free space for data: below the first OpenSearch puts nothing on a node (its lowest watermark)."""


def question(units: Iterable[HostUnit], kept: PurePath) -> tuple[str, ...]:
    """A command that tells what a unit would get, and what is free where data is kept: `word number`."""
    told = "echo files $(ulimit -n); while read -r a b soft hard c; do "
    told += '[ "$a $b" = "Max processes" ] && echo processes $hard; done </proc/self/limits'
    asked = [f"LimitNOFILE={FILES}", f"LimitNPROC={PROCESSES}"]
    run = shlex.join(
        ["systemd-run", "-q", "--pipe", "--wait", "--collect", *(f"-p{it}" for it in asked), "sh", "-c", told]
    )
    lines = [
        f'f={shlex.quote(str(kept))}; while [ ! -e "$f" ]; do f=${{f%/*}}; f=${{f:-/}}; done',
        'set -- $(df -Pk -- "$f" | tail -n 1); echo data $(($4 / 1024)); printf "at %s\\n" "$f"',
        *([f"{run} </dev/null 2>&1"] if _of_several(units) else ()),
    ]
    return ("sh", "-c", "\n".join(lines))


def obstacles(
    units: Iterable[HostUnit], said: str, survey: Survey, running: frozenset[str] = frozenset()
) -> list[Obstacle]:
    """Where a limit is too low for a program; of what the host did not say, nothing."""
    units = list(units)
    found = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    return [
        *_limits(units, found),
        *_room(units, found, running),
        *_maps(units, survey),
    ]


def _of_several(units: Iterable[HostUnit]) -> bool:
    return any(STORE in unit.engines and unit.members for unit in units)


def _limits(units: list[HostUnit], found: dict[str, str]) -> list[Obstacle]:
    """A node of several checks its host at the start, and ends where that is not fit for production."""
    if not _of_several(units):
        return []
    what_to_do = (
        "raise {name} for systemd on this host (in a container: for the container), or give the role logs to "
        "another"
    )
    told = []
    for word, name, wanted in (
        ("files", "open files (max file descriptors)", FILES),
        ("processes", "processes of a user", PROCESSES),
    ):
        have = found.get(word, "")
        if have.isdigit() and int(have) < wanted:
            expected = f"{wanted}, below which a node of OpenSearch's cluster does not start"
            told.append(
                obstacle(
                    name, f"systemd can give {have}", expected, what_to_do.format(name=f"the limit of {name}")
                )
            )
    return told


def _room(units: list[HostUnit], found: dict[str, str], running: frozenset[str]) -> list[Obstacle]:
    """Of a store that runs already it is only told: what is wanted may be what makes room."""
    free = found.get("data", "")
    store = next((unit for unit in units if STORE in unit.engines), None)
    expected = STORE_MB if store else OTHERS_MB
    if not units or not free.isdigit() or int(free) >= expected:
        return []
    why = " (below that OpenSearch takes nothing)" if store else ""
    fatal = not any(unit.name in running for unit in units)
    return [
        obstacle(
            "disk",
            f"{free} MB free at {found.get('at', '/')}, where data is kept",
            f"{expected} MB{why}",
            "make room there, or mount a larger disk there",
            fatal=fatal,
        )
    ]


def _maps(units: list[HostUnit], survey: Survey) -> list[Obstacle]:
    """Nodes of several read without mapping files, whatever the host allows."""
    have = survey.max_map_count
    alone = any(STORE in unit.engines and not unit.members for unit in units)
    if not alone or have is None or have >= MAX_MAP_COUNT:
        return []
    return [
        obstacle(
            "vm.max_map_count",
            str(have),
            f"{MAX_MAP_COUNT} for OpenSearch with much data",
            f"sysctl -w vm.max_map_count={MAX_MAP_COUNT}, and in a file of /etc/sysctl.d",
            fatal=False,
        )
    ]
