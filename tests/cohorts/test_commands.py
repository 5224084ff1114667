"""`obs cohort create|status|destroy|extend|expire|orphans`, as typed, over heads that are pretended."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cohorts.place
import obs.cohort_runs
from cohorts import record, survivors
from cohorts.record import Record
from obs.cli import app
from obs.commands import host, stack, tools  # noqa: F401 - they add the commands
from tests.cohorts.cases import ROOMY, cohort_file
from tests.cohorts.records import Pretended, begun, entry, stack_files

FILE = """\
name: otel
template: local
target: local
expires: '2099-12-05T18:00:00+00:00' # the last day
roster:
  - {name: Ana, email: ana@example.org, team: red}
  - {name: Bo, email: bo@example.org}
"""


class Scene:
    """A state folder, a folder of stack files, and what runs heads there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.stacks = folder, folder / "state", folder / "stacks"
        self.runner = Pretended()
        self.stacks.mkdir()
        self.file = cohort_file(folder, FILE)

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["cohort", *arguments])

    def record(self) -> Record | None:
        return record.read(self.state, "otel")

    def begin(self, known: Record) -> None:
        record.write(self.state, known)
        self.runner.there |= {known.stack(one) for one in known.heads.values() if one.state == "up"}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(tmp_path)
    monkeypatch.setenv("OBS_STATE_DIR", str(made.state))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setattr(cohorts.place, "survey", lambda *_: ROOMY)
    monkeypatch.setattr(obs.cohort_runs, "STACKS", made.stacks)
    monkeypatch.setattr(survivors, "listeners", dict)

    @contextmanager
    def calm(*_: Any) -> Any:
        yield

    def children(_: Path) -> Any:
        made.runner.interruptible = calm  # type: ignore[attr-defined]
        return made.runner

    monkeypatch.setattr(obs.cohort_runs, "Children", children)
    return made


def test_made_looked_at_and_taken_down(scene: Scene) -> None:
    made = scene("create", str(scene.file))
    assert made.exit_code == 0, made.output
    assert "cohort otel: 2 brought up, 0 up before" in made.stderr
    assert scene.runner.there == {"cohort-otel-ana", "cohort-otel-bo"}
    assert stack_files(scene.stacks) == ["Pulumi.cohort-otel-ana.yaml", "Pulumi.cohort-otel-bo.yaml"]

    again = scene("create", str(scene.file))
    assert again.exit_code == 0
    assert "nothing to change" in again.stderr

    gone = scene("destroy", str(scene.file), "--yes")
    assert gone.exit_code == 0, gone.output
    assert "2 heads are gone, and nothing is left of them" in gone.stderr
    assert scene.runner.there == set()
    assert scene.record() is None
    assert stack_files(scene.stacks) == []
    assert scene("orphans").exit_code == 0


def test_too_much_is_refused_before_anything_is_made(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    small = cohorts.place.Place(memory_mb=10, disk_mb=10, disk_at="/")
    monkeypatch.setattr(cohorts.place, "survey", lambda *_: small)

    result = scene("create", str(scene.file))

    assert result.exit_code == 2
    assert "roster = 2 heads: expected at most 0" in result.stderr
    assert scene.runner.calls == []
    assert scene.record() is None


def test_a_team_alone_is_made(scene: Scene) -> None:
    assert scene("create", str(scene.file), "--team", "red").exit_code == 0

    assert scene.runner.there == {"cohort-otel-ana"}


@pytest.mark.parametrize(
    ("command", "option", "says"),
    [
        ("create", ("--team", "blue"), "--team blue: nobody; expected one of: red"),
        ("create", ("--only", "cy"), "--only cy: nobody; expected one of: ana,"),
    ],
)
def test_who_is_not_there_is_refused(scene: Scene, command: str, option: tuple[str, ...], says: str) -> None:
    result = scene(command, str(scene.file), *option)

    assert result.exit_code == 2
    assert says in result.stderr


def test_what_failed_is_told_with_its_reason_and_what_to_do(scene: Scene) -> None:
    scene.runner._fails.add("cohort-otel-bo")

    result = scene("create", str(scene.file))

    assert result.exit_code == 1
    assert "cohort-otel-bo: failed\n  it did not answer" in result.stderr
    assert f"obs cohort create {scene.file}" in result.stderr
    assert scene.runner.there == {"cohort-otel-ana"}


def test_a_leftover_is_listed_and_keeps_the_exit_code_at_1_until_it_is_gone(scene: Scene) -> None:
    scene("create", str(scene.file))
    left = scene.state / "cohort-otel-ana" / "units" / "x" / "data"
    left.parent.mkdir(parents=True)
    left.write_text("", encoding="utf-8")

    for _ in range(2):
        result = scene("destroy", str(scene.file), "--yes")
        assert result.exit_code == 1
        assert f"cohort-otel-ana  file     {scene.state / 'cohort-otel-ana'}" in result.stdout
        assert "1 things are still there" in result.stderr

    left.unlink()
    for folder in (left.parent, left.parents[1], left.parents[2]):
        folder.rmdir()
    assert scene("destroy", str(scene.file), "--yes").exit_code == 0
    assert scene.record() is None


def test_a_stack_file_of_the_cohort_under_another_name_is_a_leftover(scene: Scene) -> None:
    scene("create", str(scene.file))
    copy = scene.stacks / "Pulumi.mine.yaml"
    copy.write_bytes((scene.stacks / "Pulumi.cohort-otel-ana.yaml").read_bytes())

    assert scene("destroy", str(scene.file), "--yes").exit_code == 1
    assert scene("destroy", str(scene.file), "--yes").exit_code == 1
    copy.unlink()
    assert scene("destroy", str(scene.file), "--yes").exit_code == 0


def test_a_dry_run_shows_and_changes_nothing(scene: Scene) -> None:
    scene("create", str(scene.file))
    scene.runner.calls.clear()

    result = scene("destroy", str(scene.file), "--dry-run")

    assert result.exit_code == 0
    assert str(scene.stacks / "Pulumi.cohort-otel-ana.yaml") in result.stdout
    assert scene.runner.calls == []
    assert scene.record() is not None


def test_nobody_is_asked_where_nobody_can_be(scene: Scene) -> None:
    scene("create", str(scene.file))

    result = scene("destroy", str(scene.file))

    assert result.exit_code == 2
    assert "Add --yes" in result.stderr
    assert scene.runner.there


def test_one_participant_is_taken_down_by_e_mail(scene: Scene) -> None:
    scene("create", str(scene.file))

    assert scene("destroy", "otel", "--only", "BO@example.org", "--yes").exit_code == 0

    assert scene.runner.there == {"cohort-otel-ana"}
    known = scene.record()
    assert known
    assert [one.slug for one in known.heads.values()] == ["ana"]


def test_a_broken_cohort_file_is_no_reason_to_leave_heads_standing(scene: Scene) -> None:
    scene("create", str(scene.file))
    scene.file.write_text("name: otel\ntemplate: gone\nroster: nobody\n", encoding="utf-8")

    assert scene("destroy", str(scene.file), "--yes").exit_code == 0
    assert scene.runner.there == set()


def test_a_cohort_that_was_not_made_is_told(scene: Scene) -> None:
    for command in ("status", "destroy"):
        result = scene(command, str(scene.file))

        assert result.exit_code == 2
        assert "cohort otel: nothing of it was made; cohorts that were: none" in result.stderr


def test_another_run_on_the_cohort_is_told(scene: Scene) -> None:
    scene.begin(begun(entry(1, "up")))

    with obs.cohort_runs.alone("otel", "create"):
        result = scene("destroy", "otel", "--yes")

    assert result.exit_code == 3
    assert "`obs cohort create otel`" in result.stderr


def _units(well: bool) -> Callable[[], Any]:
    row = SimpleNamespace(well=well)
    target = SimpleNamespace(
        is_there=lambda name: name == "cohort-otel-p1", status=lambda _: [row, row], units=lambda _: []
    )
    return lambda: iter([("local", target)])


@pytest.mark.parametrize(("well", "code"), [(True, 0), (False, 1)])
def test_status_counts_what_serves(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, well: bool, code: int
) -> None:
    monkeypatch.setattr("cohorts.status.operating", _units(well))
    scene.begin(begun(entry(1, "up")))

    result = scene("status", "otel", "--json")

    found = json.loads(result.stdout)
    assert result.exit_code == code
    assert found["ok"] is well
    assert (found["heads"][0]["serving"], found["heads"][0]["units"]) == (2 if well else 0, 2)
    assert scene("status", "otel").exit_code == code


def test_status_tells_who_uses_more_than_is_set_aside(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cohorts.status.operating", _units(True))
    monkeypatch.setattr(survivors, "disk", lambda *_: 7 * 2**20)
    known = begun(entry(1, "up"))
    known.disk_mb = 5
    scene.begin(known)

    result = scene("status", "otel")

    assert result.exit_code == 1
    assert "cohort-otel-p1: disk: 7 MB used, 5 MB set aside" in result.stderr


def test_status_tells_what_was_cut_off(scene: Scene) -> None:
    scene.begin(begun(entry(1, "making"), entry(2, "seated"), entry(3, "leaving")))

    result = scene("status", "otel")

    assert result.exit_code == 1
    for words in ("p1: cut off while it was made", "p2: not made", "p3: not all gone yet"):
        assert f"cohort-otel-{words}" in result.stderr


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (("--by", "2d"), "2099-12-07T18:00:00+00:00"),
        (("--until", "2100-01-01T00:00:00+01:00"), "2100-01-01T00:00:00+01:00"),
    ],
)
def test_extend_moves_the_expiry_everywhere(scene: Scene, option: tuple[str, str], expected: str) -> None:
    scene("create", str(scene.file))

    result = scene("extend", str(scene.file), *option)

    assert result.exit_code == 0, result.output
    text = FILE.replace("2099-12-05T18:00:00+00:00", expected)
    assert scene.file.read_text(encoding="utf-8") == text
    known = scene.record()
    assert known
    assert known.expires == datetime.fromisoformat(expected)
    assert f"# expires: {expected}" in (scene.stacks / "Pulumi.cohort-otel-bo.yaml").read_text(
        encoding="utf-8"
    )
    scene.runner.calls.clear()
    assert "nothing to change" in scene("create", str(scene.file)).stderr


@pytest.mark.parametrize(
    "option",
    [
        (),
        ("--by", "2d", "--until", "2100-01-01T00:00:00Z"),
        ("--by", "soon"),
        ("--until", "2100-01-01"),
        ("--until", "tomorrow"),
        ("--until", "2001-01-01T00:00:00Z"),
    ],
)
def test_an_odd_extension_is_refused(scene: Scene, option: tuple[str, ...]) -> None:
    result = scene("extend", str(scene.file), *option)

    assert result.exit_code == 2
    assert "expected" in result.stderr
    assert scene.file.read_text(encoding="utf-8") == FILE


def test_expire_takes_down_what_is_past_its_time_and_warns_of_what_soon_is(scene: Scene) -> None:
    now = datetime.now(UTC)
    for name, rest in (("past", -1), ("soon", 2), ("later", 200)):
        known = begun(entry(1, "up"), expires=now + timedelta(hours=rest))
        known.cohort = name
        scene.begin(known)
    scene.runner.there = {f"cohort-{name}-p1" for name in ("past", "soon", "later")}

    dry = scene("expire", "--dry-run")
    assert dry.exit_code == 0
    assert scene.runner.calls == []

    result = scene("expire")

    assert result.exit_code == 0, result.output
    assert scene.runner.calls == [("down", "cohort-past-p1")]
    assert "cohort past: past its time" in result.stderr
    assert "cohort soon: ends at" in result.stderr
    assert "obs cohort extend moves it" in result.stderr
    assert "cohort later: until" in result.stderr
    assert [one.cohort for one in record.read_all(scene.state)] == ["later", "soon"]


def test_expire_goes_on_with_others_where_one_does_not_go(scene: Scene) -> None:
    for name in ("one", "two"):
        known = begun(entry(1, "up"), expires=datetime.now(UTC) - timedelta(hours=1))
        known.cohort = name
        scene.begin(known)
    scene.runner._fails.add("cohort-one-p1")

    result = scene("expire")

    assert result.exit_code == 1
    assert [one.cohort for one in record.read_all(scene.state)] == ["one"]


def test_orphans_are_listed(scene: Scene) -> None:
    scene.begin(begun(entry(1, "up")))
    (scene.state / "cohort-otel-p1").mkdir()
    (scene.state / "cohort-old-x").mkdir()

    result = scene("orphans", "--json")

    assert result.exit_code == 1
    assert [one["stack"] for one in json.loads(result.stdout)["orphans"]] == ["cohort-old-x"]
