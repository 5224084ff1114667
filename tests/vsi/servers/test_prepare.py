"""A host is made ready, by a real shell below a folder: engines and certificates."""

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.vsi.servers.host import AUTHORITY, SANS, Cut, HostShell, engine, wanted, where
from vsi.errors import DeployError
from vsi.servers.authority import Authority, ends
from vsi.servers.prepare import Off, Wanted, differences, prepare, survey_of, take_away

INIT = "systemctl() { echo systemd 252; }\n"
"""Scripts are read by a shell of a machine that need not have systemd."""


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> HostShell:
    monkeypatch.setattr("vsi.servers.survey.OLDEST_SYSTEMD", 0)
    done = subprocess.run(["cat", "/proc/1/comm"], capture_output=True, text=True, check=True)
    init = done.stdout.strip().encode()
    return HostShell(
        before=INIT, answer=lambda output: output.replace(b"init " + init + b"\n", b"init systemd\n")
    )


def ready(goal: Wanted, shell: HostShell) -> list[str]:
    """What is told while it is made ready."""
    said: list[str] = []
    prepare(goal, shell, said.append)
    return said


def off(goal: Wanted, shell: HostShell, now: datetime | None = None) -> Off | None:
    seen = survey_of(shell, "h1", goal.where)
    return differences(seen, goal.keys, goal.certificates, AUTHORITY.certificate, now)


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, with inode and time."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_from_nothing_and_again(tmp_path: Path, shell: HostShell) -> None:
    place = where(tmp_path)
    goal = wanted(place, engine(tmp_path / "cache"), engine(tmp_path / "cache", "jaeger"))
    assert off(goal, shell) is None
    said = ready(goal, shell)
    assert "prometheus 1 is there, 0 MB, checked" in said
    assert "certificate prometheus: missing; making key and certificate" in said

    program = Path(place.engine("prometheus", goal.keys["prometheus"]), "bin", "prometheus")
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "prometheus 1\n"
    assert stat.S_IMODE(program.parent.stat().st_mode) == 0o755
    assert sorted(os.listdir(place.tls)) == [
        "alertmanager.key", "alertmanager.pem", "ca.pem", "prometheus.key", "prometheus.pem",
    ]  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path(place.tls).iterdir()} == {0o600}
    for folder in (place.root, f"{place.root}/secrets", place.tls):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert [name for name in os.listdir(f"{place.engines}/prometheus") if name.startswith(".")] == []

    assert off(goal, shell) == Off({}, {})
    before, asked = snapshot(tmp_path), shell.asked
    assert ready(goal, shell) == []
    assert snapshot(tmp_path) == before
    assert shell.asked == asked + 1  # one round trip


def test_nothing_is_touched_where_something_stands_in_the_way(tmp_path: Path, shell: HostShell) -> None:
    goal = wanted(where(tmp_path), engine(tmp_path / "cache"))
    shell.before += "uname() { echo sparc sparc; }\n"
    ahead = time.time() + 10_000
    with pytest.raises(DeployError) as failure:
        prepare(goal, shell, print, lambda: ahead)
    assert str(failure.value).startswith("h1: cannot be made ready:\n  it is a sparc/sparc machine")
    assert "its clock is 2 hours behind" in str(failure.value)
    assert not (tmp_path / "var lib").exists()
    assert not (tmp_path / "opt").exists()


def test_a_host_of_another_state_is_not_taken_over(tmp_path: Path, shell: HostShell) -> None:
    """A colleague, or we after the state was lost: with other keys all programs would be somebody else's."""
    goal = wanted(where(tmp_path), engine(tmp_path / "cache"))
    ready(replace(goal, new=True), shell)
    ready(replace(goal, new=True), shell)  # a first run that was cut off has the same authority
    before = snapshot(tmp_path)
    strange = replace(goal, new=True, authority=Authority.make())
    with pytest.raises(DeployError) as failure:
        prepare(strange, shell, print)
    said = str(failure.value)
    assert f"the stack {goal.where.stack} stands on it already, by an authority, of " in said
    assert f"`obs destroy {goal.where.stack}` takes off what stands there" in said
    assert snapshot(tmp_path) == before

    take_away("h1", goal.where, shell, print)
    assert any("certificate of the authority" in line for line in ready(strange, shell))


@pytest.mark.parametrize("after", range(1, 14))
def test_the_run_after_one_that_was_cut_off_converges(tmp_path: Path, shell: HostShell, after: int) -> None:
    place = where(tmp_path)
    goal = wanted(place, engine(tmp_path / "cache"), engine(tmp_path / "cache", "jaeger"))
    shell.cut = after
    try:
        ready(goal, shell)
        assert after >= 13, "more runs are to be cut off"
    except Cut:
        pass
    shell.cut = None
    ready(goal, shell)
    assert off(goal, shell) == Off({}, {})
    hidden = [path for path in tmp_path.rglob(".*") if path.name != ".obs-placed"]
    assert hidden == []


def test_what_another_stack_placed_meanwhile_stays(tmp_path: Path, shell: HostShell) -> None:
    """Programs of that stack may be starting from there."""
    place = where(tmp_path)
    ours = engine(tmp_path / "cache")
    goal = wanted(where(tmp_path, "other"), ours)
    folder = Path(place.engine("prometheus", ours.key))

    def slowly() -> Iterator[bytes]:
        yield from ours.archive()
        ready(goal, HostShell(before=shell.before, answer=shell.answer))
        seen.append(folder.stat().st_ino)

    seen: list[int] = []
    ready(wanted(place, replace(ours, archive=slowly)), shell)
    assert seen == [folder.stat().st_ino]
    assert off(goal, shell) == Off({}, {})
    assert os.listdir(f"{place.engines}/prometheus") == [ours.key]


def test_what_arrives_damaged_is_refused(tmp_path: Path, shell: HostShell) -> None:
    goal = wanted(where(tmp_path), engine(tmp_path / "cache"))
    shell.before += 'head() { command head "$@" | tr p q; }\n'
    with pytest.raises(DeployError, match="copying prometheus 1 failed: what arrived has another checksum"):
        ready(goal, shell)
    assert not Path(goal.where.engine("prometheus", goal.keys["prometheus"])).exists()


@pytest.mark.parametrize("damage", ["edited", "removed", "added", "mode", "folder"])
def test_an_engine_that_was_touched_is_copied_anew(tmp_path: Path, shell: HostShell, damage: str) -> None:
    goal = wanted(where(tmp_path), engine(tmp_path / "cache"))
    ready(goal, shell)
    folder = Path(goal.where.engine("prometheus", goal.keys["prometheus"]))
    program = folder / "bin" / "prometheus"
    match damage:
        case "edited":
            os.utime(program, (1, 1))
        case "removed":
            (folder / "manifest.json").unlink()
        case "added":
            (folder / "extra").write_text("x")
        case "mode":
            program.chmod(0o700)
        case "folder":
            shutil.rmtree(folder)
    seen = off(goal, shell)
    assert seen is not None
    assert seen.engines["prometheus"].startswith("missing" if damage == "folder" else "changed on the host: ")
    ready(goal, shell)
    assert off(goal, shell) == Off({}, {})
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    assert sorted(os.listdir(folder)) == [".obs-placed", "bin", "manifest.json"]


def applied(place: object, stack: str, key: str) -> None:
    """A unit of a stack that runs an artifact."""
    unit = Path(getattr(place, "state"), stack, "units", "prometheus")  # noqa: B009
    unit.mkdir(parents=True, exist_ok=True)
    (unit / "applied.json").write_text(key)


def test_the_version_before_stays_and_older_ones_go(tmp_path: Path, shell: HostShell) -> None:
    place = where(tmp_path)
    versions = [engine(tmp_path / "cache", version=str(number)) for number in range(1, 5)]

    def there() -> list[str]:
        keys = {version.key: version.version for version in versions}
        return sorted(keys[name] for name in os.listdir(f"{place.engines}/prometheus"))

    for number, version in enumerate(versions, 1):
        ready(wanted(place, version), shell)
        applied(place, "dev", version.key)
        assert there() == [str(it) for it in (number - 1, number) if it]
    applied(place, "other", versions[2].key)
    shutil.rmtree(f"{place.root}/units")
    ready(wanted(place), shell)
    assert there() == ["3"]  # of the other stack


def test_certificates_are_renewed_and_unplanned_ones_go(tmp_path: Path, shell: HostShell) -> None:
    place = where(tmp_path)
    ready(wanted(place), shell)
    tls = Path(place.tls)
    first = {path.name: path.read_text() for path in tls.iterdir()}

    few = wanted(place, certificates={"prometheus": SANS["prometheus"]})
    seen = off(few, shell)
    assert seen == Off({}, {"alertmanager": "nobody planned it"})
    assert ready(few, shell) == ["removing certificates: alertmanager"]
    assert {path.name: path.read_text() for path in tls.iterdir()} == {
        name: text for name, text in first.items() if "alertmanager" not in name
    }

    later = datetime.now(UTC) + timedelta(days=340)
    seen = off(few, shell, later)
    assert seen is not None
    assert seen.certificates == {"prometheus": f"ends on {ends(first['prometheus.pem']):%Y-%m-%d}"}

    moved = wanted(place, certificates={"prometheus": ("10.0.0.12",)})
    assert ready(moved, shell) == ["certificate prometheus: of other names; making key and certificate"]
    assert (tls / "prometheus.key").read_text() != first["prometheus.key"]

    (tls / "prometheus.key").write_text("scribbled")
    ready(moved, shell)
    assert off(moved, shell) == Off({}, {})

    other = Authority.make()
    anew = wanted(place, certificates={"prometheus": ("10.0.0.12",)}, authority=other)
    seen = off(moved, shell)
    said = ready(anew, shell)
    assert "certificate prometheus: of another authority; making key and certificate" in said
    assert (tls / "ca.pem").read_text() == other.certificate
    seen = off(moved, shell)
    assert seen is not None
    assert seen.authority == other.certificate


def test_an_authority_at_its_end_signs_nothing(tmp_path: Path, shell: HostShell) -> None:
    old = Authority.make(datetime.now(UTC) - timedelta(days=3600))
    with pytest.raises(
        DeployError, match=r"the authority of the stack ends on .* replace the resource `keys@"
    ):
        ready(wanted(where(tmp_path), authority=old), shell)


def test_a_stack_takes_away_what_is_its_own(tmp_path: Path, shell: HostShell) -> None:
    place, other = where(tmp_path), where(tmp_path, "other")
    both, ours = engine(tmp_path / "cache"), engine(tmp_path / "cache", "jaeger")
    ready(wanted(place, both, ours), shell)
    ready(wanted(other, both), shell)
    data = Path(place.root, "units", "prometheus")
    data.mkdir(parents=True)
    said: list[str] = []
    take_away("h1", place, shell, said.append)
    assert said == [f"removed jaeger {ours.key}"]
    assert os.listdir(place.root) == ["units"]
    assert os.listdir(place.engines) == ["prometheus"]
    assert off(wanted(other, both), shell) == Off({}, {})

    take_away("h1", other, shell, said.append)
    take_away("h1", other, shell, said.append)  # again: it may have been interrupted
    assert not Path(other.root).exists()
    assert not Path(place.engines).exists()
    assert data.exists()


def test_no_private_key_leaves_the_host(tmp_path: Path, shell: HostShell) -> None:
    heard: list[bytes] = []
    answer = shell.answer

    def listen(output: bytes) -> bytes:
        heard.append(output)
        return answer(output)

    shell.answer = listen
    goal = wanted(where(tmp_path))
    ready(goal, shell)
    ready(goal, shell)
    keys = [path.read_text().splitlines()[1] for path in Path(goal.where.tls).glob("*.key")]
    assert len(keys) == 2
    assert not any(key.encode() in b"".join(heard) for key in keys)
