"""The run as a whole: side by side, undone whatever happens, and reported in two forms."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from components.spec import Spec
from obs.console import PlainConsole
from obs.verify import Report, Result, Row, runner, suite
from obs.verify.check import Check
from obs.verify.context import UNDOING, Context, Sent, WallClock
from obs.verify.outcome import CheckFailed, NotYet, Stopped
from tests.ports import free_port
from tests.sites import at_base
from tests.verify.clocks import FastClock
from tests.verify.fakes import World, shop_spec
from vsi.local.access import access_at
from vsi.paths import StatePaths
from vsi.site import local_site


def payments(ctx: Context) -> None:
    """Inject errors and wait for ever."""
    service = next(item for item in ctx.spec.services if item.name == "payments")
    with ctx.fault(service, "errors", 30):
        ctx.wait("nothing", _missing, 600)


def _missing() -> None:
    raise NotYet("something", "nothing", "Wait.")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(shop_spec(), tmp_path)


def test_every_check_runs_side_by_side_and_nothing_is_left_behind(world: World) -> None:
    world.clock = FastClock(world.step)
    report = runner.run_checks(world.context())
    wrong = {row.name: row.text for row in report.rows if row.result is not Result.PASSED}
    assert not wrong
    assert report.exit_code == 0
    assert [row.name for row in report.rows] == [check.name for check in suite.CHECKS]
    assert not world.faults


@pytest.mark.parametrize("patience", [1, 3])
def test_patience_is_how_many_times_as_long_is_waited(world: World, patience: int) -> None:
    world.clock = FastClock(world.step)
    ctx = replace(world.context(), patience=patience)
    start = ctx.clock.monotonic()
    with pytest.raises(CheckFailed, match="found nothing"):
        ctx.wait("nothing", _missing, 20)
    assert 20 * patience <= ctx.clock.monotonic() - start < 20 * patience + 5


def test_a_run_ends_in_time_when_every_answer_takes_five_seconds(world: World) -> None:
    world.clock = FastClock(world.step)
    world.delay = 5
    whole = 60.0
    report = runner.run_checks(world.context(whole))
    slack = 5.0  # half a second of the real clock, for a busy machine
    assert report.seconds <= whole + UNDOING + slack
    assert report.exit_code == 1
    rows = {row.name: row for row in report.rows}
    assert len(rows) == len(suite.CHECKS)
    assert rows["sampling keeps its share"].result is Result.FAILED
    assert "requests to be neither slow nor failed" in rows["sampling keeps its share"].text
    last = rows["collector lost nothing"]
    assert last.result is Result.FAILED
    assert f"time for this check in the {whole:.0f} s of all; found none left" in last.text


def test_a_fault_is_ended_after_the_checks_time_but_not_after_the_runs(world: World) -> None:
    ctx = world.context(10)
    service = next(item for item in ctx.spec.services if item.name == "payments")
    told: list[str] = []
    ctx.say = told.append
    with ctx.fault(service, "errors", 30):
        ctx.clock.wait(11)
    assert not world.faults
    ctx = world.context(10)
    ctx.say = told.append
    with ctx.fault(service, "errors", 30):
        ctx.clock.wait(10 + UNDOING)
    assert world.faults
    assert "it ends by itself" in told[-1]


def test_an_unforeseen_error_fails_its_own_row_only(world: World) -> None:
    def broken(_ctx: Context) -> str:
        raise KeyError("labels")

    checks = (Check("broken", "all", broken), Check("sound", "all", lambda _ctx: "it stands"))
    report = runner.run_checks(world.context(), [checks], [])
    assert [row.result for row in report.rows] == [Result.FAILED, Result.PASSED]
    assert "KeyError" in report.rows[0].text
    assert report.exit_code == 1


def test_checks_that_disturb_wait_for_those_that_must_not_be_disturbed(world: World) -> None:
    from obs.verify.checks_sampling import wait_for_calm

    order: list[str] = []

    def calm(ctx: Context) -> str:
        ctx.clock.wait(5)
        order.append("sent")
        ctx.calm.done("calm")
        return "sent"

    def storm(ctx: Context) -> str:
        wait_for_calm(ctx, "storm")
        order.append("disturbed")
        return "disturbed"

    world.clock = FastClock(world.step)
    tracks = [(Check("storm", "all", storm),), (Check("calm", "all", calm, calm=True),)]
    report = runner.run_checks(world.context(), tracks, [])
    assert report.exit_code == 0
    assert order == ["sent", "disturbed"]


def test_a_calm_check_that_does_not_apply_holds_nobody_up(world: World) -> None:
    from obs.verify.checks_sampling import wait_for_calm

    def storm(ctx: Context) -> str:
        wait_for_calm(ctx, "storm")
        return "calm"

    def no_reason(_spec: Spec) -> str:
        return "not here"

    world.clock = FastClock(world.step)
    tracks = [
        (Check("storm", "all", storm),),
        (Check("calm", "all", lambda _ctx: "", no_reason, calm=True),),
    ]
    report = runner.run_checks(world.context(), tracks, [])
    assert {row.name: row.result for row in report.rows} == {
        "storm": Result.PASSED,
        "calm": Result.NOT_APPLIED,
    }


def test_an_interruption_ends_the_faults(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    injected = threading.Event()
    ctx = world.context()
    ctx.clock = WallClock()
    ctx.ends = ctx.clock.monotonic() + 60
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        if "injected" in text:
            injected.set()

    ctx.say = say
    join = runner._join

    def interrupt(threads: list[threading.Thread], seconds: float | None = None) -> None:
        if seconds is None:
            assert injected.wait(20)
            assert world.faults
            raise KeyboardInterrupt
        join(threads, seconds)

    def check(ctx: Context) -> str:
        payments(ctx)
        return ""

    def never(_ctx: Context) -> str:
        raise AssertionError("nothing begins after an interruption")

    monkeypatch.setattr(runner, "_join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.run_checks(ctx, [(Check("waits", "all", check), Check("next", "all", never))], [])
    assert not world.faults
    assert "payments: fault errors ended" in told
    assert not [text for text in told if text.startswith("next")]


def test_a_fault_ends_with_the_check_that_fails_and_by_itself_if_nobody_can_end_it(world: World) -> None:
    ctx = world.context()
    service = next(item for item in ctx.spec.services if item.name == "payments")
    with pytest.raises(CheckFailed, match="after 300 s"):
        payments(ctx)
    assert not world.faults
    with world.context().fault(service, "errors", 30):
        assert world.faults["payments", "errors"]["seconds"] == 90


def test_a_fault_that_is_refused_fails_the_check(tmp_path: Path) -> None:
    world = World(shop_spec(), tmp_path, "fault refused")
    ctx = world.context()
    service = next(item for item in ctx.spec.services if item.name == "payments")
    with pytest.raises(CheckFailed, match="422"), ctx.fault(service, "errors", 30):
        pass


def test_waiting_tells_what_is_missing_and_for_how_long(world: World) -> None:
    ctx = world.context()
    told: list[str] = []
    ctx.say = told.append
    with pytest.raises(CheckFailed) as error:
        ctx.wait("rows", _missing, 25)
    assert str(error.value) == "expected something; found nothing (after 25 s). Wait."
    assert any("waiting for something" in text for text in told)


def test_waiting_ends_with_the_run(world: World) -> None:
    ctx = world.context()
    ctx.ends = ctx.clock.monotonic() + 5
    with pytest.raises(CheckFailed, match="after 5 s"):
        ctx.wait("rows", _missing, 600)


def test_a_stopped_clock_ends_every_wait() -> None:
    clock = WallClock()
    clock.stop()
    with pytest.raises(Stopped):
        clock.wait(60)


def test_a_stack_that_was_never_brought_up_is_one_failed_row(tmp_path: Path) -> None:
    spec = shop_spec()
    report = runner.run(spec, access_at(StatePaths(tmp_path), local_site(spec)), stack="local")
    assert report.exit_code == 1
    assert "Run `obs up local`" in report.rows[0].text


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    from obs.verify.clients import Prometheus

    at = at_base(free_port())
    client = Prometheus("prometheus", f"http://{at.dial('prometheus')}", "local")
    with pytest.raises(NotYet, match=r"expected prometheus to answer at http://127.*`obs status local`"):
        client.vector("up")


def test_scanning_goes_on_over_pages(world: World) -> None:
    for number in range(2500):
        world.line("orders", f"{number:032x}", "", "", "a line")
    found = list(world.context().clients.opensearch.scan("logs-2*", {"term": {"service": "orders"}}))
    assert len({hit["_source"]["trace_id"] for hit in found}) == len(found) == 2500


ROWS = (
    Row("engines answer", "all", Result.PASSED, "12 units answer", 0.21),
    Row("dead man's switch", "alerting", Result.NOT_APPLIED, "alerting.sink is false [really]", 0.0),
)


def test_json_is_stable() -> None:
    assert json.loads(Report("local", ROWS, 12.34).to_json()) == {
        "version": 1,
        "stack": "local",
        "exit_code": 0,
        "seconds": 12.3,
        "counts": {"passed": 1, "not applied": 1, "failed": 0},
        "rows": [
            {
                "name": "engines answer",
                "pillar": "all",
                "result": "passed",
                "text": "12 units answer",
                "seconds": 0.2,
            },
            {
                "name": "dead man's switch",
                "pillar": "alerting",
                "result": "not applied",
                "text": "alerting.sink is false [really]",
                "seconds": 0.0,
            },
        ],
    }


def test_only_a_failed_row_makes_the_exit_code_1() -> None:
    assert Report("local", ROWS, 1.0).exit_code == 0
    failed = Row("targets up", "metrics", Result.FAILED, "expected ...", 1.0)
    assert Report("local", (*ROWS, failed), 1.0).exit_code == 1


def test_the_table_shows_every_row_as_it_is() -> None:
    console = PlainConsole(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(Report("local", ROWS, 12.3).table())
    text = console.export_text()
    assert "engines answer" in text
    assert Report("local", ROWS, 12.3).summary == "1 passed, 1 not applied, 0 failed in 12 s"
    assert "alerting.sink is false [really]" in text


def test_requests_are_compared_by_what_came_back() -> None:
    from obs.verify.shop import all_answered

    all_answered([Sent("a" * 32, "t", 200, 0.1)], "gateway")
    with pytest.raises(CheckFailed, match=r"503 \(trace unknown\)"):
        all_answered([Sent("", "", 503, 0.1)], "gateway")


def test_card_numbers_are_valid_and_covered_by_the_rule() -> None:
    from demo._fault_models import luhn_valid
    from obs.verify.checks_redaction import card_number, forms, rule_for

    for _ in range(200):
        number = card_number()
        assert luhn_valid(number)
        assert all(rule_for(shop_spec(), form) for form in forms(number))
