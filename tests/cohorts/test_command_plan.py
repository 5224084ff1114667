"""`obs cohort plan`, as typed."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import cohorts.place
from cohorts import record
from cohorts.place import Place
from cohorts.record import Entry, Record
from obs.cli import app
from obs.commands import host, stack, tools  # noqa: F401 - they add the commands
from tests.cohorts.cases import ROOMY, cohort_file

FILE = """\
name: otel
template: local
target: local
expires: '2099-12-05T18:00:00+01:00'
roster:
  - {name: Ana Müller, email: ana@example.org, team: red}
  - {name: Ana Müller, email: ana2@example.org}
"""


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(cohorts.place, "survey", lambda *_: ROOMY)


def _run(tmp_path: Path, text: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["cohort", "plan", str(cohort_file(tmp_path, text)), *options])


def test_it_shows_each_head_and_the_sums(tmp_path: Path) -> None:
    result = _run(tmp_path, FILE)

    assert result.exit_code == 0
    assert "Ana Müller   red   cohort-otel-anamueller   23000-23199" in result.stdout
    assert "cohort-otel-anamueller2  23200-23399" in result.stdout
    assert re.search(r"^memory +\d+ MB +500000 MB$", result.stdout, re.MULTILINE)
    assert not (tmp_path / "state").exists(), "a plan changes nothing"


def test_json_says_the_same(tmp_path: Path) -> None:
    result = _run(tmp_path, FILE, "--json")

    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["ok"] is True
    assert [head["stack"] for head in found["heads"]] == ["cohort-otel-anamueller", "cohort-otel-anamueller2"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    small = Place(memory_mb=500_000, disk_mb=5_000, disk_at="/state")
    monkeypatch.setattr(cohorts.place, "survey", lambda *_: small)

    result = _run(tmp_path, FILE, *options)

    assert result.exit_code == 2
    assert "roster = 2 heads: expected at most 1, for which" in result.output


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("target: local", "target: kubernetes", "cohorts on kubernetes are not built yet"),
        ("template: local", "template: cohort-otel-ana", "expected a stack that has a file"),
        ("name: otel", "nam: otel", "did you mean name?"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    result = _run(tmp_path, FILE.replace(old, new))

    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_a_head_keeps_what_it_was_given(tmp_path: Path) -> None:
    state = tmp_path / "state"
    entry = Entry(name="Ana", email="ana2@example.org", slug="ana", port_base=30000)
    known = Record(
        cohort="otel",
        target="local",
        template="local",
        expires="2099-12-05T18:00:00+01:00",
        warn_seconds=60,
        parallel=2,
        heads={entry.key: entry},
    )
    record.write(state, known)

    result = _run(tmp_path, FILE)

    assert "cohort-otel-ana         30000-30199" in result.stdout
    assert record.read(state, "otel") == known
    assert (state / ".cohorts" / "otel" / "record.json").stat().st_mode & 0o077 == 0


def test_a_record_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "state" / ".cohorts" / "otel"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("{", encoding="utf-8")

    result = _run(tmp_path, FILE)

    assert result.exit_code == 1
    assert "expected the record of cohort otel" in result.output
    assert "Traceback" not in result.output
