"""What a reviewer reads first, what is folded away, and that one stack's fault is not the others'."""

from pathlib import Path

import pytest

from components.review.policy.finding import Finding
from components.review.policy.judged import Judged
from components.review.stack import StackReview
from components.review.step import FileStep, PartStep, Step
from obs.previews import run
from obs.previews.markdown import LIMIT, markdown
from obs.previews.policy import Placed
from obs.previews.report import Previewed, Report
from obs.previews.run import preview_all
from obs.previews.text import draw
from tests.obs.previews.repository import commit, copied

LOST = Step("retention of logs", "changed", "7 days", "5 days", loses="older ones are deleted")
LINE = f"{LOST.line}: {LOST.loses}"


def _placed(check: str, message: str, level: str = "error", line: int = 7) -> Placed:
    finding = Finding(check, "logging.retention", message, ("logging", "retention"), level)  # type: ignore[arg-type]
    return Placed(Judged(finding), f"stacks/Pulumi.z.yaml:{line}")


def _losing(*policy: Placed) -> Previewed:
    return Previewed("z-losing", "vsi", review=StackReview((LOST,)), policy=policy)


def _changed(name: str, *files: FileStep) -> Previewed:
    part = PartStep("part@place", "changed", lambda: files)
    return Previewed(name, "vsi", review=StackReview((), (part,)))


def test_what_loses_data_and_what_fails_stand_above_all_else(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("main", (_changed("a-plain"), Previewed("b-refused", problems=("wrong",)), _losing()))
    draw(report, full=False)
    for told in (capsys.readouterr().out, markdown(report)):
        found = [told.index(text) for text in ("Data are lost: z-losing", "refused: b-refused", "a-plain")]
        assert found == sorted(found)
        assert told.rindex("z-losing\n") < told.rindex("b-refused\n") < told.rindex("a-plain\n")
    assert [stack["stack"] for stack in report.as_json()["stacks"]] == ["a-plain", "b-refused", "z-losing"]


def test_a_check_that_fails_says_why_and_how_to_go_on() -> None:
    told = markdown(Report("main", (_losing(_placed("retention-too-short", "too short")),)))
    assert "The check fails, for something is against policy: z-losing" in told
    assert "waive it" in told
    assert "fails" not in markdown(Report("main", (_losing(),)))


def test_what_loses_data_is_told_once_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("main", (_losing(_placed("loses-data", LINE, "warning")),))
    draw(report, full=False)
    for told in (" ".join(capsys.readouterr().out.split()), markdown(report)):
        assert told.count("older ones are deleted") == 1
        assert "older ones are deleted (stacks/Pulumi.z.yaml:7)" in told


def test_many_warnings_are_folded_and_few_are_not() -> None:
    few = [_placed("image-not-pinned", f"image {number}", "warning") for number in range(3)]
    assert "<details>" not in markdown(Report("main", (_losing(*few),)))
    many = [*few, _placed("image-not-pinned", "image 3", "warning")]
    assert "<details><summary>4 warnings</summary>" in markdown(Report("main", (_losing(*many),)))


def test_a_comment_that_is_cut_ends_outside_of_what_is_folded() -> None:
    warnings = [_placed("image-not-pinned", "x" * 3000, "warning", number) for number in range(40)]
    told = markdown(Report("main", (_losing(*warnings),)))
    assert len(told) <= LIMIT
    assert told.count("<details>") == told.count("</details>") == 1
    assert told.rstrip().endswith("has everything.")


def test_differences_of_what_changes_come_before_those_of_what_is_new() -> None:
    new, changed = (FileStep(name, name, ("+x",)) for name in ("new", "changed"))
    told = markdown(Report("main", (_changed("shop", new, changed),)))
    assert told.index("changed (changed)") < told.index("new (new)")


def test_a_fault_in_one_preview_is_not_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    whole = run._compared

    def faulty(stack: str, *given: object) -> Previewed:
        if stack == "local":
            raise KeyError("services")
        return whole(stack, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "_compared", faulty)
    report = preview_all(None)
    said = {stack.stack: stack.said for stack in report.stacks}
    assert (said["local"], said["dev-vsi"]) == ("failed", "changes")
    assert report.exit_code(expect_no_changes=False) == 1


def test_a_commit_whose_code_cannot_even_be_read_is_described_by_todays(tmp_path: Path) -> None:
    root = copied(tmp_path)
    then = root / "stacks" / "loader.py"
    then.write_text("def (\n", encoding="utf-8")
    report = preview_all(commit(root), root)
    (local,) = [stack for stack in report.stacks if stack.stack == "local"]
    assert not local.broken
    assert not local.review.changes
    assert "its code cannot describe its stacks: SyntaxError" in local.unknown[0]
