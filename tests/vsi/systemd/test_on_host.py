"""The keeper on a real host: what a unit may do, and that it is kept whatever happens to it."""

import base64
import re
from pathlib import PurePosixPath

import pytest

from components.plan import Pillar
from tests.vsi.systemd.conftest import PORTS, STACK, Place
from tests.waiting import until
from vsi import deploy, drift
from vsi.errors import DeployError
from vsi.keepers import Program
from vsi.servers import limits
from vsi.systemd.places import kept, log_file, service, unit_path
from vsi.unit import HostUnit

pytestmark = pytest.mark.engine

ODD = (
    "a%b 100%% %n %i",
    "$HOME ${MAINPID} $$",
    "\\n \\x20 \\",
    "'single' \"double\"",
    "two\nlines",
    " é ",
    "",
)


def one(place: Place) -> HostUnit:
    return place.unit(secrets=("pw",))


def kill(place: Place, name: str = "alpha") -> None:
    place.sh(f"kill -9 {place.program(name).pid}")


def again(place: Place, than: int, name: str = "alpha") -> Program:
    """Once it runs as another process than `than`."""

    def other() -> Program | None:
        program = place.keeper.program(name)
        return program if program and program.state == "RUNNING" and program.pid != than else None

    return until(other, f"{name} runs again")


def test_arguments_and_variables_reach_the_process_unchanged(place: Place) -> None:
    place.apply(place.unit(arguments=ODD, process={"environment": (("ODD", ODD[0] + ODD[4]),)}))

    pid = place.program().pid
    command = base64.b64decode(place.sh(f"base64 /proc/{pid}/cmdline")).decode().split("\0")[:-1]
    environment = base64.b64decode(place.sh(f"base64 /proc/{pid}/environ")).decode().split("\0")

    assert command == ["/usr/bin/perl", "toy.pl", str(PORTS["alpha"]), *ODD]
    assert f"ODD={ODD[0]}{ODD[4]}" in environment


def test_a_unit_runs_as_nobody_else_and_sees_what_is_its_own(place: Place) -> None:
    """Its secret as a credential in memory; neither those of others, nor the folders of root."""
    place.apply(one(place), pw="sesame")
    place.apply(place.unit("beta", secrets=("other",)), other="open")
    pids = [place.program(name).pid for name in ("alpha", "beta")]
    users = {place.sh(f"stat -c %u /proc/{pid}") for pid in pids}

    assert len(users - {"0"}) == 2, users
    assert place.served(path="/secret") == "6"
    secret = f"/run/credentials/{service(STACK, 'beta')}/other"
    for path in (secret, f"/var/lib/obs/{STACK}/secrets/pw", f"{kept(STACK, 'beta')}/starts", "/etc/shadow"):
        assert place.served(path=f"/open?{path}") == "no", path
    assert place.sh(f"cat {secret}") == "open", "the path is right, root can read it"
    assert "CapEff:\t0000000000000000" in place.sh(f"cat /proc/{pids[0]}/status")
    assert (
        place.sh("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; cat $p/environ; done").count("sesame")
        == 0
    )


def test_what_runs_is_exposed_as_little_as_its_file_says(place: Place) -> None:
    place.apply(place.unit())

    said = place.sh(f"systemd-analyze security --no-pager --threshold=20 {service(STACK, 'alpha')}")

    assert float(re.findall(r"exposure level for .*: ([0-9.]+)", said)[0]) <= 1.5


def test_a_reload_keeps_the_process_and_a_restart_its_data(place: Place) -> None:
    place.apply(place.unit())
    first = place.program().pid

    assert place.apply(place.unit(text="two")).action == "reload"
    assert (place.served(), place.program().pid) == ("two", first)
    assert place.apply(place.unit(text="two")).action == "none"
    assert place.apply(place.unit(text="two", arguments=("more",))).action == "restart"
    assert place.program().pid != first
    assert len(place.sh(f"cat {kept(STACK, 'alpha')}/starts").splitlines()) == 2


def test_a_changed_secret_is_read_by_a_unit_that_reloads_for_a_change_of_its_files(place: Place) -> None:
    """systemd gives a process its credentials when it starts, and a reload has it read the same again."""
    place.apply(one(place), pw="sesame")
    assert (place.served(path="/secret"), place.apply(one(place), pw="sesame").action) == ("6", "none")

    assert place.apply(one(place), pw="another one").action == "restart"
    assert place.served(path="/secret") == "11"
    two = place.unit(text="two", secrets=("pw",))
    assert place.apply(two, pw="another one").action == "reload"


class _Killed(BaseException):
    """In place of a kill, which no handler sees."""


def test_a_run_cut_off_before_its_reload_leaves_none_out(place: Place) -> None:
    """The files are new then and the process is not: the next run compares what runs with what is written."""
    place.apply(place.unit())
    first = place.program().pid

    def report(step: str) -> None:
        if step == "reload":
            raise _Killed

    with pytest.raises(_Killed):
        deploy.apply(place.request(place.unit(text="two")), report, place.machine)
    conf = "/var/lib/obs/toys/units/alpha/conf/app.conf"
    assert (place.sh(f"cat {conf}"), place.served()) == ("two", "one")

    assert place.apply(place.unit(text="two")).action == "reload"
    assert (place.served(), place.program().pid) == ("two", first)


def test_a_changed_memory_limit_reaches_systemd(place: Place) -> None:
    """What runs is as what is written, also where the run between was cut off before the restart."""
    place.apply(place.unit(memory_mb=50))
    changed = place.unit(memory_mb=60)
    entry = place.keeper.entry(changed)
    place.sh(f"cat >{entry.program.path} <<'EOF'\n{entry.program.text}EOF")

    assert place.apply(changed).action == "restart"
    assert place.sh(f"systemctl show -p MemoryMax --value {service(STACK, 'alpha')}") == str(308 << 20)


def test_what_ends_is_started_again_with_its_data(place: Place) -> None:
    place.apply(place.unit())
    first = place.program()
    kill(place)

    seen = until(lambda: p if (p := place.program()).state != "RUNNING" else None, "it is gone", 5)
    assert (seen.state, seen.message) == ("BACKOFF", "it was ended by signal 9")
    second = again(place, first.pid)
    assert second.started > first.started
    assert place.keeper.exits() == {"alpha": 1}
    assert len(place.sh(f"cat {kept(STACK, 'alpha')}/starts").splitlines()) == 2


def test_what_cannot_start_is_told_with_its_last_words(place: Place) -> None:
    with pytest.raises(DeployError, match="its process ended 4 times") as failed:
        place.apply(place.unit(text="broken"))

    assert "cannot go on" in failed.value.message
    place.apply(place.unit(text="mended"))
    assert place.served() == "mended"


def test_a_version_that_cannot_start_is_rolled_back(place: Place) -> None:
    place.apply(place.unit(memory_mb=60))
    with pytest.raises(DeployError, match="its process ended 4 times") as failed:
        place.apply(place.unit(text="broken", arguments=("new",)))

    assert "cannot go on" in failed.value.message
    assert f"Rolled back: {place.host.name} runs alpha with the version and" in failed.value.message
    assert place.served() == "one"
    assert place.sh(f"systemctl show -p MemoryMax --value {service(STACK, 'alpha')}") == str(308 << 20)
    assert place.sh(f"ls /var/lib/obs/{STACK}/units/alpha | grep -c previous || true") == "0"
    assert place.apply(place.unit(memory_mb=60)).action == "none"


def test_what_is_given_up_is_fatal_and_starts_when_it_is_told_to(place: Place) -> None:
    """systemd gives up nothing by itself here; somebody's drop-in may have it."""
    place.apply(place.unit())
    folder = f"/etc/systemd/system/{service(STACK, 'alpha')}.d"
    place.sh(
        f"mkdir {folder}; printf '[Service]\\nRestart=no\\n' >{folder}/own.conf; systemctl daemon-reload"
    )
    kill(place)

    seen = until(lambda: p if (p := place.program()).state == "FATAL" else None, "it is given up")
    assert seen.message == "it was ended by signal 9"
    place.keeper.start("alpha")
    again(place, 0)


def test_a_unit_file_edited_by_hand_is_noticed_and_put_right(place: Place) -> None:
    place.apply(place.unit())
    assert [seen.drifted for seen in drift.read_machine(place.machine)] == [False]
    place.sh(f"sed -i s/ProtectSystem=strict/ProtectSystem=no/ {unit_path(STACK, 'alpha')}")

    assert [seen.program_changed for seen in drift.read_machine(place.machine)] == [True]
    place.apply(place.unit())
    assert [seen.drifted for seen in drift.read_machine(place.machine)] == [False]
    assert place.sh(f"systemctl show -p ProtectSystem --value {service(STACK, 'alpha')}") == "strict"


def test_a_unit_file_that_systemd_does_not_take_is_told(place: Place) -> None:
    place.apply(place.unit())
    place.sh(f"sed -i s,ExecStart=/,ExecStart=, {unit_path(STACK, 'alpha')}")

    with pytest.raises(DeployError, match="does not take its unit file"):
        place.keeper.install("alpha")
    place.keeper.stop("alpha")
    with pytest.raises(DeployError, match="its unit file is missing or was broken"):
        place.keeper.start("alpha")
    place.apply(place.unit())
    assert place.program().running


def test_a_missing_secret_is_told(place: Place) -> None:
    place.apply(one(place), pw="sesame")
    place.sh(f"rm /var/lib/obs/{STACK}/secrets/pw")
    kill(place)

    words = "its secrets cannot be read"
    until(lambda: place.program().message == words or None, words)
    assert place.apply(one(place), pw="sesame").action in ("start", "restart")
    assert place.served(path="/secret") == "6"


def test_it_goes_on_without_us_and_after_a_reboot(place: Place) -> None:
    """Every session on the host ends, and then its power is cut."""
    place.apply(place.unit())
    before = place.program().pid
    place.machine.reach.master.close()  # type: ignore[attr-defined]
    place.host.run("loginctl kill-user root 2>/dev/null; pkill -KILL -f '^sshd: root' ; true")
    assert place.program().pid == before

    place.host.kill()
    place.host.boot()
    again(place, 0)
    assert place.served() == "one"
    assert len(place.sh(f"cat {kept(STACK, 'alpha')}/starts").splitlines()) == 2


def test_processes_are_known_by_their_unit(place: Place) -> None:
    place.apply(place.unit())
    pid = place.program().pid

    assert place.keeper.owned({pid, 1}) == {pid}
    assert place.keeper.owned({pid, 1}, "alpha") == {pid}
    assert place.keeper.owned({pid}, "beta") == set()


def test_stopped_is_stopped_and_says_so_whatever_its_exit_code(place: Place) -> None:
    place.apply(place.unit())
    place.keeper.stop("alpha")

    assert place.program().state == "STOPPED"
    place.keeper.stop("alpha")
    place.keeper.stop("unheard-of")
    place.keeper.reload("alpha", "SIGHUP")
    place.keeper.start("alpha")
    again(place, 0)
    place.keeper.end()
    assert place.program().state == "STOPPED"


def test_nothing_is_left_of_a_unit_that_is_removed(place: Place) -> None:
    """But what it said, which is in the journal."""
    shop = place.unit(pillar=Pillar.SERVICES)
    place.apply(shop)
    until(lambda: "loaded one" in place.sh(f"cat {log_file(STACK, 'alpha')}"), "what it said is written")
    place.remove(shop)

    left = place.sh(f"find / /run -xdev -name '*{STACK}*' ! -path '/run/systemd/*' ! -path '/run/log/*'")
    assert left == ""
    assert place.keeper.programs() == {}
    assert place.sh(f"systemctl list-units --all --no-legend 'obs-{STACK}-*'") == ""


def test_kept_data_is_there_when_the_unit_comes_back(place: Place) -> None:
    place.apply(place.unit())
    (found,) = place.remove(place.unit(), retain=True)

    assert found.path == kept(STACK, "alpha")
    place.apply(place.unit())
    assert len(place.sh(f"cat {found.path}/starts").splitlines()) == 2


def test_the_file_of_a_service_is_cut_while_it_runs(place: Place) -> None:
    def shop(text: str) -> HostUnit:
        return place.unit("gamma", text, pillar=Pillar.SERVICES, process={"log_max_bytes": 40})

    def said(files: str) -> list[str]:
        return place.sh(f"cat {files} 2>/dev/null; true").splitlines()

    log, words = log_file(STACK, "gamma"), ("one", "two", "three", "four")
    place.apply(shop("one"))
    first = place.program("gamma").pid
    for text in words[1:]:
        place.apply(shop(text))
        until(lambda t=text: f"loaded {t}" in said(f"{log}.1 {log}"), "it is written")  # type: ignore[misc]
    until(lambda: said(f"{log}.1") == [f"loaded {it}" for it in words], "the file is put aside")
    assert place.program("gamma").pid == first


def test_systemd_tells_what_it_can_give_a_node_of_several(place: Place) -> None:
    store = place.unit().model_copy(update={"engines": (limits.STORE,), "members": ("a", "b", "c")})
    said = place.machine.reach.run(limits.question([store], PurePosixPath("/var/lib/private/obs/none")))
    lines = r"data \d+\nat /var/lib\S*\nfiles \d+\nprocesses (\d+|unlimited)\n"
    assert re.fullmatch(lines, said.output), said.output


@pytest.mark.parametrize(("name", "pillar"), [("alpha", Pillar.METRICS), ("gamma", Pillar.SERVICES)])
def test_what_programs_say_is_followed(place: Place, name: str, pillar: Pillar) -> None:
    """By the journal; a service's by the file that the log agent reads. With words, and a service, that no
    earlier test left there: what was said last comes first, in both."""
    place.apply(place.unit(name, "three", pillar=pillar))
    until(lambda: place.keeper.last_words(name, 1) == ["loaded three"], "what it said is written")
    told = place.keeper.logs([name], 1, follow=True, over=lambda: False)

    assert next(told) == (name, "loaded three")
    place.apply(place.unit(name, "four", pillar=pillar))
    assert next(told) == (name, "loaded four")
