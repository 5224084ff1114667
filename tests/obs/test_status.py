"""`obs status` says what serves, fits 80 columns, and its exit code says whether all is well."""

import io
import json
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from components.plan import Pillar
from obs.cli import app
from obs.commands import host as _commands  # noqa: F401 - adds `status` to `app`
from obs.status import ports, problems, state_words, table
from vsi import host
from vsi.host import UnitStatus

MANY = (21010, 21011, 21020, 21021, 21022, 21023, 21024)


def row(unit: str = "opensearch", **changes: Any) -> UnitStatus:
    values: dict[str, Any] = {
        "unit": unit,
        "pillar": Pillar.LOGGING,
        "state": "running",
        "silence": "",
        "starting": False,
        "pid": 4194304,
        "uptime": 3 * 86_400,
        "restarts": 0,
        "ports": (21010, 21011),
        "drift": "",
    }
    return UnitStatus(**{**values, **changes})


WELL = row()
FROZEN = row("jaeger", silence="http://127.0.0.1:21034/status: nothing within 3 s")
STARTING = row("sink", silence="http://127.0.0.1:21040/health: ConnectionRefusedError", starting=True)
STOPPED = row("loadgen", state="stopped", pid=0, uptime=0)
CHANGED = row("prometheus", drift="changed: rules/gateway.yml; missing: tests/gateway.yml")


def shown(rows: list[UnitStatus], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, theme=None, color_system=None)
    with console.capture() as capture:
        console.print(table(rows))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_table_fits_80_columns_with_everything_long() -> None:
    name = "a-service-of-forty-characters-as-allowed"
    worst = row(name, silence="no answer", restarts=12345, ports=MANY, drift="changed: a")
    lines = shown([WELL, FROZEN, STOPPED, CHANGED, row("redis-exporter", ports=MANY)], 80)
    assert len(lines) == 6  # no row needs a second line
    assert all(len(line) <= 80 for line in [*lines, *shown([worst], 80)])


def test_each_state_has_its_word() -> None:
    words = [state_words(item) for item in (WELL, FROZEN, STARTING, STOPPED, CHANGED)]
    assert words == ["serves", "no answer", "starting", "stopped", "serves"]
    lines = shown([WELL, STOPPED, CHANGED], 80)
    assert lines[1].endswith("as deployed")
    assert lines[3].endswith("differ")


def test_what_is_wrong_is_told_with_what_to_do() -> None:
    assert list(problems("local", [WELL])) == []
    told = list(problems("local", [WELL, FROZEN, STARTING, STOPPED, CHANGED]))
    assert told == [
        "jaeger: runs, but does not answer: http://127.0.0.1:21034/status: nothing within 3 s",
        "sink: starting for 3d: http://127.0.0.1:21040/health: ConnectionRefusedError",
        "loadgen: its process is stopped",
        "prometheus: changed: rules/gateway.yml; missing: tests/gateway.yml",
        "  bring back what does not run: obs start local",
        "  see why it does not answer: obs logs local jaeger",
        "  start it anew: obs stop local jaeger; obs start local",
        "  bring files in line: obs up local",
    ]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((), ""), ((21000,), "21000"), (MANY, "21010-21011 21020-21024"), ((3, 1, 2, 7), "1-3 7")],
)
def test_ports_in_a_row_are_one(numbers: tuple[int, ...], text: str) -> None:
    assert ports(numbers) == text


@pytest.mark.parametrize(
    ("rows", "code"),
    [([WELL], 0), ([WELL, FROZEN], 1), ([STARTING], 1), ([STOPPED], 1), ([CHANGED], 1)],
    ids=["well", "frozen", "starting", "stopped", "changed"],
)
def test_the_exit_code_says_whether_all_is_well(
    rows: list[UnitStatus], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "status", lambda _: rows)
    assert CliRunner().invoke(app, ["status", "local"]).exit_code == code
    answer = CliRunner().invoke(app, ["status", "local", "--json"])
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["ok"]) == (code, code == 0)
    assert [item["silence"] for item in told["units"]] == [item.silence for item in rows]
