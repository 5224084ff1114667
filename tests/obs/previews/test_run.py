"""All stacks against a commit, whose own code describes it, and against what was deployed last."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from obs.cli import app
from obs.commands import stack as commands  # noqa: F401 - adds its commands
from obs.describe import describe
from obs.errors import BadInput
from obs.previews import deployed
from obs.previews.commits import changed_files, commit_of
from obs.previews.markdown import MARKER, markdown
from obs.previews.report import Previewed, Report
from obs.previews.run import preview_all
from stacks.loader import names
from tests.obs.previews.repository import commit, copied, edit, git

ARROW = "\N{RIGHTWARDS ARROW}"


@pytest.fixture(scope="module")
def since(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Today's stacks against a commit in which each differed in its own way."""
    root = copied(tmp_path_factory.mktemp("then"))
    files = root / "stacks"
    edit(
        files / "Pulumi.staging-k8s.yaml",
        "      retention: 7d\n    tracing",
        "      retention: 30d\n    tracing",
    )
    edit(root / "components" / "charts.py", '"opentelemetry-collector", "', '"opentelemetry-collector", "0.')
    edit(files / "Pulumi.local.yaml", "name: local", "name: loco")  # refused: not the name of its file
    (files / "Pulumi.prod-aws.yaml").rename(files / "Pulumi.gone-aws.yaml")
    edit(files / "Pulumi.gone-aws.yaml", "name: prod-aws", "name: gone-aws")
    then = commit(root)
    edit(root / "k8s" / "plan.py", "\n", "\n\n")
    return preview_all(then, root)


def _of(report: Report, name: str) -> Previewed:
    (found,) = [stack for stack in report.stacks if stack.stack == name]
    return found


def test_what_the_stack_file_and_the_code_changed_is_told(since: Report) -> None:
    found = _of(since, "staging-k8s")
    lines = [step.line for step in found.review.steps]
    assert lines[0] == f"retention of logs: 30 days {ARROW} 7 days"
    assert any(line.startswith("chart opentelemetry-collector 0.") for line in lines)
    assert found.said == "loses data"


def test_what_carries_plans_out_is_named_as_not_known(since: Report) -> None:
    assert any("k8s/plan.py" in text for text in _of(since, "staging-k8s").unknown)


def test_a_stack_that_nothing_touches_is_only_named(since: Report) -> None:
    changed = {"local", "prod-aws", *(name for name in names() if name.endswith("-k8s"))}
    assert set(since.untouched) == set(names()) - changed
    assert "dev-vsi" not in [stack.stack for stack in since.stacks]


def test_a_stack_that_was_refused_then_is_not_known(since: Report) -> None:
    found = _of(since, "local")
    assert not found.broken
    assert "cannot be described" in found.unknown[0]
    assert "loco" in found.unknown[0]


def test_stacks_that_came_and_went(since: Report) -> None:
    assert "not there at" in _of(since, "prod-aws").against
    gone = _of(since, "gone-aws")
    assert (gone.gone, gone.said) == (True, "file gone")
    assert "obs destroy gone-aws" in markdown(since).partition("### gone-aws")[2].partition("\n### ")[0]


def test_a_stack_that_may_have_been_renamed_is_told_what_that_means(since: Report) -> None:
    note = _of(since, "prod-aws").unknown[0]
    assert "gone-aws under another name" in note
    assert "docs/how-to/rename.md" in note
    assert not any("another name" in text for text in _of(since, "staging-k8s").unknown)


def test_changes_do_not_fail_unless_none_are_expected(since: Report) -> None:
    allowed = replace(since, stacks=tuple(replace(stack, policy=()) for stack in since.stacks))
    assert allowed.exit_code(expect_no_changes=False) == 0
    assert allowed.exit_code(expect_no_changes=True) == 1


def test_one_comment_begins_with_its_marker_and_lists_losses_first(since: Report) -> None:
    text = markdown(since)
    assert text.startswith(MARKER)
    one = text[text.index("### staging-k8s") :]
    assert one.index("Loses data") < one.index("chart opentelemetry-collector")
    assert "@" not in text.split("<details>")[0], "nobody is mentioned"
    assert len(text) <= 65_536


def test_code_of_then_that_cannot_describe_gives_way_to_todays(tmp_path: Path) -> None:
    root = copied(tmp_path)
    edit(root / "stacks" / "Pulumi.local.yaml", "name: local\n", "name: local\n      region: mars\n")
    text = (root / "stacks" / "Pulumi.local.yaml").read_text(encoding="utf-8")
    (root / "stacks" / "Pulumi.local.yaml").write_text(
        text.replace("      region: local\n", ""), encoding="utf-8"
    )
    (root / "targets" / "__init__.py").write_text("raise RuntimeError('too old')\n", encoding="utf-8")
    found = _of(preview_all(commit(root), root), "local")
    assert "environment: region mars" in found.review.steps[0].line
    assert "too old" in found.unknown[0]


def test_a_base_that_went_on_is_not_counted(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    fork = commit(tmp_path)
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    (tmp_path / "mine").write_text("1", encoding="utf-8")
    commit(tmp_path)
    git(tmp_path, "checkout", "--quiet", "main")
    (tmp_path / "theirs").write_text("1", encoding="utf-8")
    commit(tmp_path)
    git(tmp_path, "checkout", "--quiet", "change")
    (tmp_path / "new").write_text("1", encoding="utf-8")
    assert commit_of("main", tmp_path) == fork
    assert changed_files(fork, tmp_path) == ["mine", "new"]


@pytest.mark.parametrize("ref", ["no-such-branch", "--output=x", ""])
def test_an_unknown_commit_is_bad_input(tmp_path: Path, ref: str) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    with pytest.raises(BadInput, match="--changed-since"):
        commit_of(ref, tmp_path)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return tmp_path


def test_what_was_deployed_last_is_compared_with(state: Path) -> None:
    deployed.remember(*describe("local"))
    assert not _of(preview_all(None), "local").review.changes
    kept = state / ".described" / "local.json"
    data = json.loads(kept.read_text(encoding="utf-8"))
    data["spec"]["tracing"]["retention"] = "30d"
    kept.write_text(json.dumps(data), encoding="utf-8")
    assert "retention of traces: 30 days" in _of(preview_all(None), "local").review.losing[0]
    deployed.forget("local")
    assert "no deployment is known" in _of(preview_all(None), "local").against


def test_a_deployment_of_which_no_description_is_known_is_not_said_to_be_none(state: Path) -> None:
    checkpoint = state / ".pulumi" / "stacks" / "observability" / "local.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("{}", encoding="utf-8")
    found = _of(preview_all(None), "local")
    assert not found.review.changes
    assert "not known here" in found.unknown[0]


@pytest.mark.usefixtures("state")
def test_the_command_prints_each_form_and_keeps_to_80_columns() -> None:
    runner = CliRunner()
    text = runner.invoke(app, ["preview", "--all"])
    assert text.exit_code in (0, 1)  # by the policies, which tests of their own hold
    assert max(map(len, text.stdout.splitlines())) <= 80
    as_json = runner.invoke(app, ["preview", "--all", "--json"])
    data = json.loads(as_json.stdout)
    assert data["version"] == 1
    assert [stack["stack"] for stack in data["stacks"]] == names()
    as_markdown = runner.invoke(app, ["preview", "--all", "--markdown", "--expect-no-changes"])
    assert as_markdown.exit_code == 1
    assert as_markdown.stdout.startswith(MARKER)


@pytest.mark.usefixtures("state")
def test_a_broken_stack_is_named_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.loader.names", lambda *_: ["absent", "prod-aws"])
    found = CliRunner().invoke(app, ["preview", "--all"])
    assert found.exit_code == 2
    assert "expected a stack that has a file" in " ".join(found.stdout.split())
    assert "new alerting@eu-central-1" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["local", "--all"], "ENV"),
        (["--changed-since", "main"], "--changed-since"),
        (["--markdown"], "--markdown"),
        (["--all", "--json", "--markdown"], "--markdown"),
        (["--all", "--forget-host", "a"], "--forget-host"),
    ],
)
def test_options_that_do_not_go_together_are_bad_input(arguments: list[str], named: str) -> None:
    found = CliRunner().invoke(app, ["preview", *arguments])
    assert found.exit_code == 2
    assert named in found.output
