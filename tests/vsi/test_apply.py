"""Applying one unit: what changes, what does not, and what a failure leaves."""

import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.plan import Pillar, Secret
from tests import specs
from tests.ports import free_base, free_port
from tests.vsi.conftest import Place
from vsi.errors import DeployError
from vsi.plan import plan
from vsi.preflight import preflight
from vsi.records import read_applied
from vsi.unit import HostUnit, Ready

pytestmark = pytest.mark.engine

VALUE = "s3cret-Value-of-a-hook"


def test_first_apply_puts_files_and_starts(place: Place) -> None:
    unit = place.unit(
        files={"rules/gateway.yml": "groups: []\n"}, process={"environment": (("TOY", "{data}"),)}
    )
    result = place.apply(unit)
    own = place.state.unit("alpha")
    assert (result.action, result.changed) == ("start", ("app.conf", "rules/gateway.yml"))
    assert place.served() == "one"
    assert (own.conf / "rules/gateway.yml").read_text() == "groups: []\n"
    assert stat.S_IMODE(own.conf.stat().st_mode) == 0o700
    assert stat.S_IMODE((own.conf / "app.conf").stat().st_mode) == 0o600
    assert "loaded 'one'" in (own.log / "alpha.log").read_text()
    environment = Path("/proc", str(place.pid()), "environ").read_text().split("\0")
    assert f"TOY={own.data}" in environment
    record = read_applied(place.machine.reach, "alpha")
    assert record is not None
    assert record.complete


def test_nothing_to_do(place: Place) -> None:
    place.apply()
    pid, inode = place.pid(), place.conf().stat().st_ino
    result = place.apply()
    assert (result.action, result.changed, result.removed) == ("none", (), ())
    assert (place.pid(), place.conf().stat().st_ino) == (pid, inode)


def test_changed_file_reloads_only_its_own_process(place: Place) -> None:
    place.apply()
    place.apply(place.unit("beta"))
    before = place.pid("alpha"), place.pid("beta")
    result = place.apply(place.unit(text="two"))
    assert (result.action, result.changed) == ("reload", ("app.conf",))
    assert place.served() == "two"
    assert (place.pid("alpha"), place.pid("beta")) == before
    assert place.starts("beta") == 1


def test_restart_files_and_commands_restart_only_that_process(place: Place) -> None:
    place.apply(place.unit("beta"))

    def unit(text: str, more: tuple[str, ...] = ()) -> HostUnit:
        return place.unit(
            files={"start.conf": text}, arguments=more, process={"restart_files": ("start.conf",)}
        )

    place.apply(unit("a"))
    beta, first = place.pid("beta"), place.pid()
    assert place.apply(unit("b")).action == "restart"
    second = place.pid()
    assert place.apply(unit("b", ("--say", "50% ; # done\nreally"))).action == "start"
    assert len({first, second, place.pid()}) == 3
    assert "50% ; # done\nreally" in (place.state.unit("alpha").log / "alpha.log").read_text()
    assert (place.pid("beta"), place.starts("beta")) == (beta, 1)


def test_without_reload_a_change_restarts(place: Place) -> None:
    place.apply(place.unit(process={"reload": None}))
    assert place.apply(place.unit(text="two", process={"reload": None})).action == "restart"
    assert place.served() == "two"


def test_new_engine_restarts(place: Place) -> None:
    place.apply(engines={"toy": "toy 1"})
    assert place.apply(engines={"toy": "toy 2"}).action == "restart"


def test_setup_runs_when_its_files_change_and_again_after_an_interruption(place: Place) -> None:
    def unit(text: str, command: str = "cat setup/a >> ../data/setup") -> HostUnit:
        return place.unit(
            files={"setup/a": text}, setup=("sh", "-c", command), process={"setup_only_files": ("setup/",)}
        )

    done = place.state.unit("alpha").data / "setup"
    assert place.apply(unit("1")).setup
    pid = place.pid()
    assert not place.apply(unit("1")).setup
    result = place.apply(unit("2"))
    assert (result.action, result.setup, place.pid(), done.read_text()) == ("none", True, pid, "12")
    with pytest.raises(DeployError, match="setup failed:\nnot yet\nRolled back: "):
        place.apply(unit("3", "echo not yet; exit 1"))
    assert done.read_text() == "122"
    assert not place.apply(unit("2")).setup


def test_rejected_configuration_leaves_the_running_one(place: Place) -> None:
    check = (("sh", "-c", "cat app.conf; grep -q good app.conf && test -d ../data"),)
    place.apply(place.unit(text="good\n", files={"old": "x"}, checks=check))
    pid = place.pid()
    with pytest.raises(DeployError) as failure:
        place.apply(place.unit(text="bad line 7\n", files={"new": "y"}, checks=check))
    assert "check 1 (sh) rejected the new configuration" in failure.value.message
    assert "bad line 7" in failure.value.message
    assert place.conf().read_text() == "good\n"
    assert place.conf("old").exists()
    assert not place.conf("new").exists()
    assert not place.state.unit("alpha").staged.exists()
    assert (place.pid(), place.served()) == (pid, "good\n")
    record = read_applied(place.machine.reach, "alpha")
    assert record is not None
    assert record.complete


def test_a_service_of_ours_refuses_options_that_it_would_end_with(place: Place) -> None:
    def payments(**options: int) -> HostUnit:
        services = specs.stack()["services"]
        services[2]["run"]["options"] = options
        made = specs.spec(services=services, deploy={"port_base": base})
        return specs.unit(plan(made, place.stack), "payments").model_copy(update={"needs": ()})

    base = free_base(200)
    place.apply(payments(limit_cents=500))
    pid, before = place.pid("payments"), place.conf("settings.json", "payments").read_text()
    with pytest.raises(DeployError) as failure:
        place.apply(payments(limit_cent=500))
    assert "the running one is untouched" in failure.value.message
    assert "options.limit_cent: Extra inputs are not permitted (value 500)" in failure.value.message
    assert place.conf("settings.json", "payments").read_text() == before
    assert (place.pid("payments"), place.program("payments").state) == (pid, "RUNNING")


def test_checks_run_again_for_a_new_engine(place: Place, tmp_path: Path) -> None:
    marker = tmp_path / "checked"
    unit = place.unit(checks=(("sh", "-c", f"echo x >> {marker}"),))
    for engine in ("1", "1", "2"):
        place.apply(unit, engines={"toy": engine})
    assert marker.read_text() == "x\nx\n"


def test_file_no_longer_planned_is_removed_and_engines_own_files_stay(place: Place) -> None:
    place.apply(place.unit(files={"rules/a.yml": "a", "rules/b.yml": "b", "only/c.txt": "c"}))
    place.conf("own.keystore").write_text("the engine's")
    place.conf("rules/strange.yml").write_text("what a glob would read")
    result = place.apply(place.unit(files={"rules/a.yml": "a"}))
    assert result.removed == ("only/c.txt", "rules/b.yml")
    present = sorted(p.name for p in place.conf("").rglob("*") if p.is_file())
    assert present == ["a.yml", "app.conf", "own.keystore"]
    assert not place.conf("only").exists()


def test_hand_edits_are_undone(place: Place) -> None:
    place.apply(place.unit(files={"a.txt": "a", "b.txt": "b", "c.txt": "c"}))
    place.conf().write_text("by hand")
    place.conf("a.txt").unlink()
    place.conf("b.txt").unlink()
    place.conf("b.txt").mkdir()
    place.conf("c.txt").unlink()
    place.conf("c.txt").symlink_to("/etc/hostname")
    place.state.unit("alpha").run.write_text("#!/bin/sh\nexit 1\n")
    place.apply(place.unit(files={"a.txt": "a", "b.txt": "b", "c.txt": "c"}))
    texts = [place.conf(name).read_text() for name in ("app.conf", "a.txt", "b.txt", "c.txt")]
    assert texts == ["one", "a", "b", "c"]
    assert not place.conf("c.txt").is_symlink()
    assert "toy.py" in place.state.unit("alpha").run.read_text()


def test_secrets_reach_only_their_files(place: Place) -> None:
    secrets = (
        Secret(name="hook", source="environment", key="HOOK"),
        Secret(name="made", source="generated", key=""),
    )
    unit = place.unit(secrets=("hook", "made"))
    request = place.request(unit, secrets=secrets, values={"hook": VALUE})
    process = place.run(request)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out
    hook, made = place.state.secrets / "hook", place.state.secrets / "made"
    generated = made.read_text()
    assert hook.read_text() == VALUE
    assert len(generated) == 32
    for path in (hook, made):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    everything = (
        out
        + err
        + b"".join(
            path.read_bytes()
            for path in place.state.root.rglob("*")
            if path.is_file() and path not in (hook, made)
        )
    )
    for pid in place.running():
        everything += (
            Path("/proc", str(pid), "environ").read_bytes() + Path("/proc", str(pid), "cmdline").read_bytes()
        )
    assert VALUE.encode() not in everything
    assert generated.encode() not in everything
    # again: kept, and no reload; another value: reload
    assert place.apply(unit, secrets=secrets, values={"hook": VALUE}).action == "none"
    assert made.read_text() == generated
    assert place.apply(unit, secrets=secrets, values={"hook": VALUE + "2"}).action == "reload"


def test_secrets_are_masked_in_the_engines_words(place: Place) -> None:
    secrets = (Secret(name="hook", source="environment", key="HOOK"),)
    unit = place.unit(secrets=("hook",), checks=(("sh", "-c", "cat ../../../secrets/hook; exit 1"),))
    answer = place.answer(place.run(place.request(unit, secrets=secrets, values={"hook": VALUE})))
    assert answer["ok"] is False
    assert "***" in answer["error"]
    assert VALUE not in answer["error"]


def test_secret_without_a_value_is_named(place: Place) -> None:
    secrets = (Secret(name="hook", source="environment", key="HOOK"),)
    with pytest.raises(DeployError, match="secret 'hook' has no value: expected one from environment 'HOOK'"):
        place.apply(place.unit(secrets=("hook",)), secrets=secrets)


def test_process_that_ends_is_reported_with_its_words(place: Place) -> None:
    with pytest.raises(DeployError) as failure:
        place.apply(
            place.unit(
                text="no such thing",
                arguments=("--die",),
                process={"ready": Ready(url=f"http://127.0.0.1:{free_port()}/", seconds=3)},
            )
        )
    assert "cannot go on: no such thing" in failure.value.message
    place.apply()
    assert place.served() == "one"


def test_an_upgrade_to_a_broken_version_is_rolled_back(place: Place) -> None:
    place.apply(place.unit(files={"old.yml": "o"}), engines={"toy": "toy 1"})
    ready = Ready(url=f"http://127.0.0.1:{place.ports['alpha']}/", seconds=3)
    broken = place.unit(text="two", files={"new.yml": "n"}, arguments=("--die",), process={"ready": ready})
    with pytest.raises(DeployError) as failure:
        place.apply(broken, engines={"toy": "toy 2"})
    assert "cannot go on: two" in failure.value.message
    assert "Rolled back: local runs alpha with the version and" in failure.value.message
    assert place.served() == "one"
    assert sorted(path.name for path in place.conf("").iterdir() if path.is_file()) == ["app.conf", "old.yml"]
    record = read_applied(place.machine.reach, "alpha")
    assert record is not None
    assert (record.complete, record.started and record.started.engines) == (True, {"toy": "toy 1"})
    assert not place.state.unit("alpha").previous.exists()
    assert place.apply(place.unit(text="two"), engines={"toy": "toy 2"}).action in ("start", "restart")
    assert place.served() == "two"


def test_port_of_a_stranger_is_not_taken_for_ready(place: Place) -> None:
    """The stranger answers, our process cannot bind: not ready."""
    port = place.ports["alpha"] = free_port()
    ready = Ready(url=f"http://127.0.0.1:{port}/", status=(200, 404, 501), seconds=3)
    with ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        with pytest.raises(
            DeployError, match=r"port \d+ is held by another process \(pid \d+\)(.|\n)*Address already in use"
        ):
            place.apply(place.unit(process={"ready": ready}))
        stranger.shutdown()


def test_process_that_overwrites_its_environment_is_still_known(place: Place) -> None:
    """Redis does, with its title; the mark in the environment is then gone."""
    unit = place.unit(arguments=("--title",))
    place.apply(unit)
    assert place.running("alpha") == []
    assert preflight(place.plan(unit)) == []
    assert place.apply(place.unit(text="two", arguments=("--title",))).action == "reload"


def test_failed_reload_is_reported_and_repeated(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.apply()
    monkeypatch.setattr("vsi.ready.RELOAD_SECONDS", 1)
    with pytest.raises(DeployError, match="it says that its last reload failed"):
        place.apply(place.unit(text="unreadable"))
    assert place.apply(place.unit(text="three")).action == "reload"
    assert place.served() == "three"


def test_needs_must_run(place: Place) -> None:
    unit = place.unit("beta", needs=("alpha@local",))
    with pytest.raises(DeployError, match="needs alpha, which was never applied here"):
        place.apply(unit)
    place.apply()
    place.supervisor.stop("alpha")
    with pytest.raises(DeployError, match=r"needs alpha, which does not run \(STOPPED\)"):
        place.apply(unit)
    place.apply()
    assert place.apply(unit).pid == place.pid("beta")


def test_services_log_json_and_errors_in_one_file(place: Place) -> None:
    place.apply(place.unit(pillar=Pillar.SERVICES, arguments=("--say", '{"message": "x"}')))
    assert '{"message": "x"}\n' in (place.state.unit("alpha").log / "alpha.log").read_text()


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("Alpha", {}, "expected small letters"),
        ("../x", {}, "expected small letters"),
        ("alpha", {"../../x": ""}, "expected a path below the conf folder"),
        ("alpha", {"/etc/x": ""}, "expected a path below the conf folder"),
    ],
)
def test_names_that_could_do_harm_are_refused(
    place: Place, name: str, files: dict[str, str], words: str
) -> None:
    with pytest.raises(DeployError, match=words):
        place.apply(place.unit(name, files=files))


def test_request_that_cannot_be_read_shows_no_input(place: Place) -> None:
    process = place.run(place.request(values={"hook": VALUE}))
    process.communicate(timeout=60)
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "vsi.apply"],
        input=b'{"values": {"hook": ["%s"]}}' % VALUE.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"stack: Field required" in done.stdout
    assert VALUE.encode() not in done.stdout + done.stderr
    assert os.fsencode("Traceback") not in done.stderr
