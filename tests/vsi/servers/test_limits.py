"""A host whose limits cannot serve a program is named before anything changes, with what to do."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.vsi.servers.test_plan import SPEC
from vsi.reach import Survey
from vsi.servers import limits
from vsi.servers.plan import plan
from vsi.unit import HostUnit


def survey(**more: Any) -> Survey:
    nothing: frozenset[str] = frozenset()
    given: dict[str, Any] = {
        "uid": 0,
        "programs": nothing,
        "modules": nothing,
        "files": nothing,
        "folders": nothing,
        "ports": {},
        "memory_mb": 9000,
        "disk_mb": 9000,
        "disk_at": "/",
        "disk_writable": True,
        "max_map_count": 65530,
    }
    return Survey(**(given | more))


def store(*, several: bool) -> HostUnit:
    unit = next(unit for unit in plan(SPEC, "dev").units if unit.name == "opensearch")
    return unit.model_copy(update={"members": ("a", "b", "c") if several else ()})


def told(said: str, *, several: bool = True, running: bool = False, maps: int = 65530) -> list[str]:
    names = frozenset({"opensearch"} if running else ())
    found = limits.obstacles([store(several=several)], said, survey(max_map_count=maps), names)
    return [
        f"{'stops' if it.fatal else 'note'} {it.key}: {it.value}, {it.expected}; {it.what_to_do}"
        for it in found
    ]


WELL = "data 9000\nat /var/lib\nfiles 65535\nprocesses 4096\n"


def test_a_host_that_will_do() -> None:
    assert told(WELL) == []
    assert told(WELL.replace("4096", "unlimited").replace("65535", "unlimited")) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            WELL.replace("65535", "20000"),
            "stops open files (max file descriptors): systemd can give 20000, expected 65535, below which a",
        ),
        (WELL.replace("4096", "1000"), "stops processes of a user: systemd can give 1000, expected 4096"),
        (
            WELL.replace("9000", "2999"),
            "stops disk: 2999 MB free at /var/lib, where data is kept, expected 3000 MB (below that",
        ),
    ],
)
def test_what_is_too_low(said: str, words: str) -> None:
    (problem,) = told(said)
    assert problem.startswith(words)


def test_a_node_alone_is_asked_for_no_limits_but_told_of_its_maps() -> None:
    assert told("data 9000\nat /\nfiles 1024", several=False, maps=262144) == []
    (problem,) = told("data 9000\nat /", several=False)
    assert problem.startswith("note vm.max_map_count: 65530, expected 262144")


def test_a_store_that_runs_and_has_little_room_may_be_changed() -> None:
    (problem,) = told(WELL.replace("9000", "100"), running=True)
    assert problem.startswith("note disk: 100 MB free")


def test_a_host_that_says_nothing_of_it_is_in_nobodys_way() -> None:
    assert told("sh: systemd-run: not found\n") == []


def test_a_real_shell_tells_what_is_free_where_data_will_be(tmp_path: Path) -> None:
    command = limits.question([], tmp_path / "not/there yet")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    first, second = said.splitlines()
    assert int(first.removeprefix("data ")) > 0
    assert second == f"at {tmp_path}"
    assert limits.obstacles([], said, survey()) == []


def test_only_a_node_of_several_has_systemd_asked() -> None:
    folder = Path("/var/lib/private/obs/dev")
    assert "LimitNOFILE=65535" in limits.question([store(several=True)], folder)[2]
    assert "systemd-run" not in limits.question([store(several=False)], folder)[2]
