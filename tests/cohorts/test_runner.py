"""What runs heads: a process each, whose output is kept, and which a signal stops in good order."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from cohorts import record
from cohorts.work import DONE, STOPPED, Result
from obs.cohort_runner import Children

STACK = "cohort-otel-ana"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return tmp_path / "state"


def _children(state: Path, script: str) -> Children:
    return Children(state, (sys.executable, "-c", script))


def test_a_head_is_brought_up_by_obs_and_its_output_is_kept_for_the_owner(state: Path) -> None:
    said: list[str] = []
    children = _children(state, "import sys; print('creating x'); print(*sys.argv[1:])")

    assert children.up(STACK, said.append) == DONE

    assert said == ["creating x", f"up {STACK} --yes --wait"]
    log = state / ".cohorts" / "otel" / "heads" / "ana" / record.LOG
    assert log.read_text(encoding="utf-8") == f"creating x\nup {STACK} --yes --wait\n"
    assert log.stat().st_mode & 0o077 == 0


def test_why_it_failed_is_told_without_what_went_well(state: Path) -> None:
    children = _children(
        state, "print('creating x'); print('✓ created x in 1 s'); print('y: no answer'); raise SystemExit(1)"
    )

    assert children.up(STACK, lambda _: None) == Result("failed", "y: no answer")


def test_a_run_that_says_nothing_is_told_by_its_exit_code(state: Path) -> None:
    children = _children(state, "raise SystemExit(7)")

    assert children.up(STACK, lambda _: None) == Result("failed", "obs up ended with exit code 7")


def test_a_passphrase_of_somebody_else_does_not_reach_a_head(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    monkeypatch.setenv("OBS_STATE_DIR", os.path.relpath(state))
    said: list[str] = []
    names = "('PULUMI_CONFIG_PASSPHRASE', 'OBS_STATE_DIR')"
    children = _children(state, f"import os; print([os.environ.get(name) for name in {names}])")

    children.up(STACK, said.append)

    assert said == [str([None, str(state)])]


def test_a_head_finds_its_own_passphrase(state: Path) -> None:
    from obs.passphrase import of_head

    record.ready(state, "otel", "ana")

    file = state / ".cohorts" / "otel" / "heads" / "ana" / "passphrase"
    assert of_head(STACK) == {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    assert of_head("cohort-otel-bo") == {}
    assert of_head("staging") == {}


def test_a_signal_stops_what_runs_and_begins_no_more(state: Path) -> None:
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
        "print('waits', flush=True)\n"
        "signal.pause()\n"
    )
    children, stop = _children(state, script), threading.Event()
    told: list[str] = []
    before = signal.getsignal(signal.SIGINT)

    def said(line: str) -> None:
        assert line == "waits"
        os.kill(os.getpid(), signal.SIGINT)

    with children.interruptible(stop, told.append):
        assert children.up(STACK, said) == STOPPED
        assert children.up("cohort-otel-bo", pytest.fail) == STOPPED

    assert stop.is_set()
    assert told == ["stopping: each head finishes what it has begun; once more to stop at once"]
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_never_made_goes_without_a_run(state: Path) -> None:
    children = _children(state, "raise SystemExit(1)")

    assert children.down(STACK, lambda _: None) == DONE


def test_what_is_there_is_taken_down_and_nothing_of_it_stays_in_the_engines_folder(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Histories and copies, which `pulumi stack rm` leaves."""
    pulumi = state / ".pulumi"
    for path in (f"history/observability/{STACK}/1.json", f"backups/observability/{STACK}/1.json"):
        (pulumi / path).parent.mkdir(parents=True)
        (pulumi / path).write_text("{}", encoding="utf-8")
    said: list[str] = []
    children = _children(state, "import sys; print(*sys.argv[1:])")
    monkeypatch.setattr(children, "is_there", lambda _: True)

    assert children.down(STACK, said.append) == DONE

    assert said[0] == f"destroy {STACK} --yes --wait"
    assert [path for path in pulumi.rglob("*") if STACK in str(path)] == []
