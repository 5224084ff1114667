"""What is against a policy: in the reports, in SARIF with file and line, and in the exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.review.policy.finding import Finding
from components.review.policy.judged import CHECKS, Judged
from obs.cli import app
from obs.commands import stack as commands  # noqa: F401 - adds its commands
from obs.previews.markdown import markdown
from obs.previews.policy import Placed, place
from obs.previews.report import Previewed, Report
from obs.previews.sarif import sarif
from obs.previews.text import draw
from stacks.loader import STACKS, names

ERROR = Finding("retention-too-short", "logging.retention", "too short", ("logging", "retention"))


def _report(*judged: Judged, problems: tuple[str, ...] = ()) -> Report:
    placed = tuple(Placed(one, "stacks/Pulumi.local.yaml:7") for one in judged)
    return Report("", (Previewed("local", "local", policy=placed, problems=problems),))


def test_a_setting_is_found_in_its_file_and_line() -> None:
    file, _, line = place("prod-aws", ("aws", "images", "jaeger")).rpartition(":")
    assert file == "stacks/Pulumi.prod-aws.yaml"
    text = (STACKS / "Pulumi.prod-aws.yaml").read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert text.strip().startswith("jaeger:")


def test_what_stands_in_the_base_file_is_found_there() -> None:
    assert place("local", ("logging", "fields", 0, "name")).startswith("stacks/base.yaml:")


def test_a_default_is_found_at_the_section_that_could_say_it() -> None:
    assert place("prod-aws", ("aws", "tags", "expiry")) == place("prod-aws", ("aws", "tags"))
    assert place("prod-aws", ()) == "stacks/Pulumi.prod-aws.yaml:1"


def test_an_error_fails_the_run_and_one_that_is_waived_does_not() -> None:
    assert _report(Judged(ERROR)).exit_code(expect_no_changes=False) == 1
    assert _report(Judged(ERROR, "a rehearsal", "2027-01-01")).exit_code(expect_no_changes=False) == 0


def test_every_form_names_the_place_and_the_reason_of_a_waiver(capsys: pytest.CaptureFixture[str]) -> None:
    report = _report(
        Judged(ERROR), Judged(ERROR, "a rehearsal", "2027-01-01"), Judged(ERROR, "", "2026-01-01")
    )
    draw(report, full=False)
    for told in (" ".join(capsys.readouterr().out.split()), markdown(report)):
        assert "stacks/Pulumi.local.yaml:7: retention-too-short: logging.retention: too short" in told
        assert "waived until 2027-01-01: a rehearsal" in told
        assert "its waiver is over since 2026-01-01" in told
    (stack,) = report.as_json()["stacks"]
    assert [found["level"] for found in stack["policy"]] == ["error", "waived", "error"]


def test_sarif_has_each_with_its_line_and_what_is_waived_suppressed() -> None:
    problem = "stacks/Pulumi.local.yaml:9: environment.tier = 'x': expected 'dev'"
    (run,) = sarif(_report(Judged(ERROR), Judged(ERROR, "a rehearsal", "2027-01-01"), problems=(problem,)))[
        "runs"
    ]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert set(rules) == {*(check.name for check in CHECKS), "stack-file-refused"}
    counts, waived, refused = run["results"]
    place_ = counts["locations"][0]["physicalLocation"]
    assert place_["artifactLocation"]["uri"] == "stacks/Pulumi.local.yaml"
    assert place_["region"]["startLine"] == 7
    assert "suppressions" not in counts
    assert waived["suppressions"][0]["justification"] == "a rehearsal"
    assert refused["ruleId"] in rules
    assert refused["locations"][0]["physicalLocation"]["region"]["startLine"] == 9


def test_the_command_writes_sarif_and_fails_for_errors_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    file = tmp_path / "found.sarif"
    done = CliRunner().invoke(app, ["preview", "--all", "--json", "--no-engine", "--sarif", str(file)])
    stacks = json.loads(done.stdout)["stacks"]
    assert [stack["stack"] for stack in stacks] == names()
    found = [found for stack in stacks for found in stack["policy"]]
    assert done.exit_code == any(one["level"] == "error" for one in found)
    assert len(json.loads(file.read_text(encoding="utf-8"))["runs"][0]["results"]) == len(found)


def test_a_file_for_sarif_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    from obs.commands.previews import _write_sarif
    from obs.errors import BadInput

    with pytest.raises(BadInput, match="--sarif"):
        _write_sarif(Report("", ()), tmp_path)
