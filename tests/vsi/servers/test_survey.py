"""What is asked of a host before anything is changed, and what then stands in the way."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.vsi.servers.host import HostShell, where
from vsi.errors import DeployError
from vsi.servers.prepare import survey_of
from vsi.servers.survey import Placed, Survey, obstacles, read

NOW = (1000.0, 1000.5)
WELL = Survey(
    machine="x86_64", kernel="Linux", uid=0, init="systemd", systemd=252, clock=1000, lacks=(), disk_mb=900,
    disk_at="/opt", mount=("rw", "relatime"),
)  # fmt: skip


def told(survey: Survey, needed: int = 0) -> list[str]:
    return obstacles(survey, "linux/amd64", needed, NOW)


def test_a_host_that_will_do() -> None:
    assert told(WELL, 900) == []


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"machine": "aarch64"}, "it is a linux/arm64 machine (aarch64), and the engines in the cache are"),
        ({"machine": "riscv64"}, "it is a linux/riscv64 machine"),
        ({"kernel": "FreeBSD", "machine": "amd64"}, "it is a linux/amd64 machine"),
        ({"uid": 1000}, "scripts run as user 1000 there; expected root, or a user who may use sudo"),
        ({"systemd": 245}, "it has systemd 245; expected systemd 247 or later"),
        ({"systemd": 0, "init": "runit"}, "it has no systemd, and runit as its first process"),
        ({"lacks": ("tar", "ssh-keygen")}, "it lacks tar, ssh-keygen: install what brings them ("),
        ({"clock": 1061}, "its clock is 1 min 0 s ahead"),
        ({"clock": 800}, "its clock is 3 min 19 s behind: certificates would not be valid there"),
        ({"clock": 90_000}, "its clock is 24 hours ahead"),
        ({"mount": ("ro", "noexec")}, "the file system of /opt is mounted ro, noexec"),
        ({"disk_mb": 899}, "/opt has 899 MB free; the engines need 900 MB while they are copied"),
        ({"engines": (Placed("jaeger", "ab"),)}, "there is jaeger/ab, which obs did not place"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way(odd: dict[str, object], words: str) -> None:
    (problem,) = told(replace(WELL, **odd), 900)  # type: ignore[arg-type]
    assert words in problem


@pytest.mark.parametrize("clock", [941, 1000, 1060])
def test_a_clock_that_is_nearly_right_will_do(clock: int) -> None:
    assert told(replace(WELL, clock=clock)) == []


def test_all_of_it_is_told_at_once() -> None:
    assert len(told(replace(WELL, machine="aarch64", lacks=("tar",), clock=0, disk_mb=1), 9)) == 4


def test_a_real_shell_answers(tmp_path: Path) -> None:
    place = where(tmp_path)
    placed = Path(place.engine("prometheus", "ab" * 32))
    placed.mkdir(parents=True)
    (placed / ".obs-placed").write_text("x")
    Path(place.engine("jaeger", "cd" * 32)).mkdir(parents=True)
    Path(place.engines, "jaeger", ".tmp-cdcd@dev").mkdir()
    for stack in ("dev", "other"):
        unit = Path(place.state, stack, "units", "prometheus")
        unit.mkdir(parents=True)
        (unit / "applied.json").write_text(f'{{"engines": {{"prometheus": "{"ab" * 32}"}}}}')
        Path(place.state, stack, "host.json").write_text(f'{{"engines": {{"jaeger": "{"cd" * 32}"}}}}')

    seen = survey_of(HostShell(), "h1", place)
    assert (seen.kernel, seen.uid, seen.machine in ("x86_64", "aarch64")) == ("Linux", 0, True)
    assert seen.disk_mb > 0
    assert seen.disk_at == place.engines
    assert (seen.authority, seen.certificates) == ("", {})
    assert "cdcd" in seen.record
    first, second = seen.engines
    assert (first.engine, first.at, first.stacks) == ("jaeger", 0, frozenset({"other"}))
    assert (second.engine, second.stacks) == ("prometheus", frozenset({"dev", "other"}))
    assert second.at > 0
    assert second.changed == ""


def test_a_host_that_says_half_of_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'uid'"):
        read("kernel Linux x86_64\n")
    shell = HostShell(answer=lambda output: output[:40])
    with pytest.raises(DeployError, match="h1: the host did not say all that it was asked"):
        survey_of(shell, "h1", where(tmp_path))
