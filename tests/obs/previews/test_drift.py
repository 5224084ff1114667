"""What `obs drift` tells, and its exit code. That it remembers nothing, tests of the toy target hold."""

import json
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from components.plan import Part
from obs.cli import app
from obs.commands import drift as commands  # noqa: F401 - adds its command
from obs.parts import Parts
from obs.previews import drift
from obs.previews.drift import Collector, Drift
from stacks.loader import names


class Note(Part):
    """A part whose texts are files."""

    TOKENS = ("toy:Note",)

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        return key[0]


def _event(name: str, old: Any, new: Any, kind: str = "toy:Note") -> Any:
    sides = [None if side is None else SimpleNamespace(inputs=side) for side in (old, new)]
    step = SimpleNamespace(
        urn=f"urn:pulumi:shop::obs::{kind}::{name}", op="update", old=sides[0], new=sides[1]
    )
    return SimpleNamespace(res_outputs_event=SimpleNamespace(metadata=step))


def test_what_differs_and_what_is_gone_is_found_with_the_difference() -> None:
    collect = Collector(Parts((Note,)))
    collect(_event("same@a", {"x": "1"}, {"x": "1"}))
    collect(_event("note@a", {"x": "deployed\n"}, {"x": "scribbled\n"}))
    collect(_event("gone@a", {"x": "1"}, None))
    collect(_event("bucket", {"acl": "private"}, {"acl": "public"}, "obs:aws:Archive$aws:s3:Bucket"))
    collect(_event("made", None, {"x": "1"}))
    collect(SimpleNamespace(res_outputs_event=None))
    found = {change.id: change for change in collect.found()}
    assert {name: change.op for name, change in found.items()} == {
        "note@a": "different",
        "gone@a": "gone",
        "aws:s3:Bucket::bucket": "different",
    }
    assert found["note@a"].changes[0].lines[1:] == ("-deployed", "+scribbled")


def test_what_somebody_wrote_there_is_told_without_its_secrets() -> None:
    collect = Collector(Parts((Note,)))
    collect(_event("note@a", {"x": "a: 1\n"}, {"x": "a: 1\npassword: hunter22x\n"}))
    (part,) = collect.found()
    assert part.changes[0].lines[-1] == "+password: [secret]"


def test_a_setting_of_one_line_is_told_with_both_values_and_a_file_by_its_name() -> None:
    lines = ["@@ -1 +1 @@", "-running", "+running, access: folder secrets mode 0666"]
    changes = [
        {"name": "process_state", "file": False, "lines": lines},
        {"name": "x.yml", "file": True, "lines": lines},
    ]
    (told,) = drift.told_of(Drift("shop", ({**PART, "changes": changes},)))
    assert told == (
        "note: different: process_state (running \N{RIGHTWARDS ARROW} running, access: folder secrets mode "
        "0666), x.yml"
    )


def _answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> None:
    def answer(_: str, stack: str, *__: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess([], *answers[stack])

    monkeypatch.setattr("stacks.loader.names", lambda *_: sorted(answers))
    monkeypatch.setattr(drift, "lacks", lambda stack: "credentials" if answers[stack] is None else "")
    monkeypatch.setattr(drift, "obs", answer)


def _found(*parts: dict[str, Any]) -> str:
    return json.dumps(drift.as_json([Drift("x", parts)]))


PART = {
    "id": "note@a",
    "unit": "note",
    "op": "different",
    "changes": [{"name": "x", "file": True, "lines": []}],
}


@pytest.mark.parametrize(
    ("answers", "code", "told"),
    [
        ({"a": (0, _found(), ""), "b": None}, 0, "b: not asked"),
        ({"a": (0, _found(), ""), "b": (1, _found(PART), "")}, 1, "note: different: x"),
        ({"a": (1, "", "no host answers"), "b": (0, _found(), "")}, 1, "no host answers"),
    ],
)
def test_one_report_and_one_exit_code_for_all(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], code: int, told: str
) -> None:
    _answering(monkeypatch, answers)
    for form in ([], ["--json"], ["--markdown"]):
        done = CliRunner().invoke(app, ["drift", "--all", *form])
        assert done.exit_code == code, done.output
        if not form:
            assert told in done.stdout
            assert max(map(len, done.stdout.splitlines())) <= 80
        elif form == ["--json"]:
            assert [stack["stack"] for stack in json.loads(done.stdout)["stacks"]] == sorted(answers)
        else:
            assert done.stdout.startswith(drift.MARKER)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["local", "--all"], "ENV"), (["--json", "--markdown"], "--markdown"), (["absent"], "absent")],
)
def test_bad_input_is_told(arguments: list[str], named: str) -> None:
    done = CliRunner().invoke(app, ["drift", *arguments])
    assert done.exit_code == 2
    assert named in done.output
    assert "absent" not in names()
