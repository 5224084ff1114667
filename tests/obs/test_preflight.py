"""`obs preflight` tells what stands in the way, fits 80 columns, and its exit code says whether a stack would
come up; a preview tells the same, and goes on."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import targets
from components.spec.problem import AsWritten
from components.target import Obstacle
from obs.cli import app
from obs.commands import preflight as _command  # noqa: F401 - adds `preflight` to `app`
from obs.commands import stack
from obs.preflight import table

LONG = "aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 " * 2
STOPS = Obstacle((AsWritten("quota vCPUs of Fargate"),), AsWritten("5 of 6 are used"), "expected room", LONG)
NOTE = Obstacle((AsWritten("bucket " + "b" * 63),), AsWritten("x" * 90), "expected less", "see there", False)


def finds(monkeypatch: pytest.MonkeyPatch, *found: Obstacle) -> None:
    """The local target's answer."""
    monkeypatch.setattr(
        targets, "target_of", lambda _: replace(targets.target("local"), preflight=lambda _: list(found))
    )


def test_the_table_fits_80_columns_with_everything_long_and_what_stops_is_first() -> None:
    console = Console(file=io.StringIO(), width=80, theme=None, color_system=None)
    with console.capture() as capture:
        console.print(table([NOTE, STOPS]))
    lines = capture.get().splitlines()
    assert all(len(line.rstrip()) <= 80 for line in lines)
    assert [line.split()[0] for line in lines if line[:1].strip()] == ["stops", "note"]
    whole = "".join(capture.get().split())
    assert "L-3032A538" in whole


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ((), 0, "nothing stops obs up local"),
        ((NOTE,), 0, "nothing stops obs up local"),
        ((NOTE, STOPS), 1, "1 thing to put right before obs up local"),
    ],
)
def test_the_exit_code_says_whether_it_would_come_up(
    monkeypatch: pytest.MonkeyPatch, found: tuple[Obstacle, ...], code: int, said: str
) -> None:
    finds(monkeypatch, *found)
    result = CliRunner().invoke(app, ["preflight", "local"])
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (code, said)


def test_programs_get_it_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, NOTE, STOPS)
    result = CliRunner().invoke(app, ["preflight", "local", "--json"])
    told = json.loads(result.stdout)
    assert (told["stack"], told["ok"], result.exit_code) == ("local", False, 1)
    assert told["found"][1] == {
        "about": "quota vCPUs of Fargate",
        "found": "5 of 6 are used",
        "expected": "room",
        "what_to_do": LONG,
        "stops": True,
    }


def test_a_target_that_nobody_asks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "target_of", lambda _: replace(targets.target("local"), preflight=None))
    result = CliRunner().invoke(app, ["preflight", "local"])
    assert result.exit_code == 1
    assert "target local has no `obs preflight`" in result.stderr


def test_a_preview_without_credentials_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    previewed: list[str] = []
    monkeypatch.setattr(stack, "_bring_engines", lambda _: None)

    def preview(env: str, *_: Any) -> list[Any]:
        previewed.append(env)
        return []

    monkeypatch.setattr(stack, "_previewed", preview)
    monkeypatch.setattr("targets.secret_values.check", lambda *_: None)
    result = CliRunner().invoke(app, ["preview", "prod-aws", "--json"])
    assert previewed == ["prod-aws"]
    assert result.exit_code == 0
    assert "credentials: none found; expected some of account 123456789012" in result.stderr
