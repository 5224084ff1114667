"""What systemd says of units, taken from a host, as programs."""

import pytest

from vsi.systemd.states import shown_in

ROW = {
    "MainPID": "76",
    "Result": "success",
    "NRestarts": "0",
    "ExecMainStartTimestamp": "Sat 2026-11-28 16:15:50 UTC",
    "ExecMainCode": "0",
    "ExecMainStatus": "0",
    "WorkingDirectory": "/run/obs/dev/prometheus/conf",
    "Id": "obs-dev-prometheus.service",
    "LoadState": "loaded",
    "LoadError": "",
    "ActiveState": "active",
    "SubState": "running",
    "Job": "",
}


def said(*rows: dict[str, str]) -> str:
    blocks = ["\n".join(f"{key}={value}" for key, value in (ROW | row).items()) for row in rows]
    return "1795882560\n" + "\n\n".join(blocks) + "\n"


def test_a_running_program() -> None:
    program = shown_in(said({}), "dev")["prometheus"].program

    assert (program.state, program.pid, program.message) == ("RUNNING", 76, "pid 76")
    assert program.now - program.started == 10
    assert program.running


def test_a_process_that_was_just_started_may_not_listen_to_signals_yet() -> None:
    new = {"ExecMainStartTimestamp": "Sat 2026-11-28 16:16:00 UTC"}
    program = shown_in(said(new), "dev")["prometheus"].program

    assert program.state == "STARTING"
    assert program.running


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"ActiveState": "activating", "SubState": "start"}, "STARTING"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "MainPID": "0"}, "BACKOFF"),
        ({"ActiveState": "activating", "SubState": "auto-restart-queued"}, "BACKOFF"),
        ({"ActiveState": "deactivating", "SubState": "stop-sigterm"}, "STOPPING"),
        ({"ActiveState": "failed", "SubState": "failed"}, "FATAL"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "STOPPED"),
        ({"ActiveState": "inactive", "SubState": "dead", "Job": "17"}, "STARTING"),
        ({"ActiveState": "reloading", "SubState": "reload"}, "RUNNING"),
        ({"ActiveState": "maintenance"}, "UNKNOWN"),
    ],
)
def test_states(row: dict[str, str], state: str) -> None:
    assert shown_in(said(row), "dev")["prometheus"].program.state == state


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"ExecMainCode": "1", "ExecMainStatus": "3"}, "it ended with 3"),
        ({"ExecMainCode": "1", "ExecMainStatus": "243"}, "its secrets cannot be read"),
        ({"ExecMainCode": "2", "ExecMainStatus": "11"}, "it was ended by signal 11"),
        ({"Result": "oom-kill"}, "it was ended for its use of memory"),
        ({"Result": "start-limit-hit"}, "it was started too often"),
        (
            {
                "LoadState": "bad-setting",
                "LoadError": 'org.freedesktop.systemd1.BadUnitSetting "No ExecStart"',
            },
            "systemd does not take its unit file: No ExecStart",
        ),
    ],
)
def test_words_for_what_does_not_run(row: dict[str, str], words: str) -> None:
    stopped = {"ActiveState": "failed", "SubState": "failed", "MainPID": "0"}

    assert shown_in(said(stopped | row), "dev")["prometheus"].program.message == words


def test_units_of_a_stack_with_a_longer_name_are_not_ours() -> None:
    other = {"Id": "obs-dev-vsi-redis.service", "WorkingDirectory": "/run/obs/dev-vsi/redis/conf"}
    ours = {"Id": "obs-dev-vsi-redis.service", "WorkingDirectory": "/run/obs/dev/vsi-redis/conf"}

    assert set(shown_in(said({}, other), "dev")) == {"prometheus"}
    assert set(shown_in(said(other), "dev-vsi")) == {"redis"}
    assert set(shown_in(said(ours), "dev")) == {"vsi-redis"}


def test_a_unit_that_is_only_mentioned_is_none_one_that_lost_its_file_is() -> None:
    lost = {"LoadState": "not-found", "WorkingDirectory": ""}

    assert shown_in(said(lost | {"ActiveState": "inactive"}), "dev") == {}
    assert set(shown_in(said(lost), "dev")) == {"prometheus"}


def test_ends_are_counted_the_last_one_before_it_is_started_again_too() -> None:
    waiting = {"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "2"}

    assert shown_in(said({"NRestarts": "2"}), "dev")["prometheus"].restarts == 2
    assert shown_in(said(waiting), "dev")["prometheus"].restarts == 3


def test_nothing_there() -> None:
    assert shown_in("1795882560\n", "dev") == {}
