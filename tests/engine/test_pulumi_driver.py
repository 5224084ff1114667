"""`obs` and `pulumi` over the real engine: a whole life, drift, and what else users do.

The tests share one copy of the project (conftest.py), and each brings it into the state that it needs.
"""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.engine.project import SERVERS, Project
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]


def test_a_whole_life(down: Project) -> None:
    before = {path: path.read_bytes() for path in (down.stack_file, down.root / "Pulumi.yaml")}
    preview = down.obs("preview")
    assert preview.returncode == 0, preview.stderr
    for name in SERVERS:
        assert f"{name}: create" in preview.stdout
    assert "new conf/list.yml (30 lines)" in preview.stdout
    assert not any(down.servers().values()), "a preview started something"
    assert not (down.root / ".state" / "local" / "units" / "one" / "conf").exists()

    assert "3 created" in down.up()
    assert down.once_each()
    pids = down.servers()
    status = down.obs("status", "--json")
    assert status.returncode == 0, status.stdout
    assert {row["unit"] for row in json.loads(status.stdout)["units"]} == set(SERVERS)

    assert "nothing to change" in down.up()
    assert down.servers() == pids, "a second up restarted something"
    again = down.obs("preview", "--expect-no-changes")
    assert again.returncode == 0
    assert again.stdout == "no changes\n"
    assert {path: path.read_bytes() for path in before} == before, "a file of the repository was rewritten"

    gone = down.obs("destroy", "--yes")
    assert gone.returncode == 0
    assert not any(down.servers().values())
    assert "kept" in gone.stdout
    assert str(down.root / ".state" / "local" / "units" / "one" / "data") in gone.stdout
    assert str(down.root / ".state" / "local" / "secrets") in gone.stdout


def test_drift_is_found_and_repaired(standing: Project) -> None:
    conf = standing.root / ".state" / "local" / "units" / "one" / "conf" / "conf" / "list.yml"
    (pid,) = standing.servers()["three"]
    conf.write_text(conf.read_text().replace("- 7\n", "- edited by hand\n"))
    assert standing.obs("stop", "local", "three").returncode == 0
    until(lambda: not psutil.pid_exists(pid), "three stopped", seconds=240)

    preview = standing.obs("preview")
    assert "-- edited by hand" in preview.stdout
    assert "+- 7" in preview.stdout
    assert "three: update" in preview.stdout
    assert "two" not in preview.stdout
    assert not standing.servers()["three"], "a preview started something"
    assert standing.obs("status").returncode == 1

    refresh = standing.obs("refresh")
    assert refresh.returncode == 0
    assert "one is not as it was deployed" in refresh.stderr
    assert "three is not as it was deployed" in refresh.stderr
    assert "2 updated" in standing.up()
    assert "- 7\n" in conf.read_text()
    assert standing.once_each()


def test_a_removed_unit_is_made_again(standing: Project) -> None:
    conf = standing.root / ".state" / "local" / "units" / "three" / "conf" / "server.py"
    conf.unlink()
    assert "update three" in standing.up().replace("updating", "update")
    assert conf.exists()
    assert standing.once_each()


def test_an_edit_touches_only_its_unit(standing: Project) -> None:
    before = standing.servers()
    standing.replace("cluster: laptop", "cluster: tower")
    try:
        found = json.loads(standing.obs("preview", "--json").stdout)["units"]
        assert [(unit["unit"], unit["op"]) for unit in found] == [("two", "update")]
        assert [(change["name"], change["kind"]) for change in found[0]["changes"]] == [
            ("conf/list.yml", "changed")
        ]
        assert standing.obs("preview", "--expect-no-changes").returncode == 1
        assert "1 updated" in standing.up()
    finally:
        standing.replace("cluster: tower", "cluster: laptop")
    after = standing.servers()
    assert (after["one"], after["three"]) == (before["one"], before["three"])


def test_pulumi_typed_by_hand_does_the_same(standing: Project) -> None:
    preview = standing.by_hand("pulumi preview -s local --non-interactive --expect-no-changes")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    standing.replace("cluster: laptop", "cluster: tower")
    try:
        up = standing.by_hand("pulumi up -s local --yes --non-interactive")
        assert up.returncode == 0, up.stdout + up.stderr
        assert "1 updated" in up.stdout
        assert "nothing to change" in standing.up()
    finally:
        standing.replace("cluster: tower", "cluster: laptop")


def test_pulumi_typed_by_hand_heals_a_unit_that_was_stopped(standing: Project) -> None:
    assert standing.obs("stop", "local", "three").returncode == 0
    preview = standing.by_hand("pulumi preview -s local --non-interactive")
    assert "1 to update" in preview.stdout
    assert not standing.servers()["three"], "a preview started something"
    up = standing.by_hand("pulumi up -s local --yes --non-interactive")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "1 updated" in up.stdout
    assert standing.once_each()


def test_a_broken_stack_file_is_told_without_a_traceback(standing: Project) -> None:
    standing.replace("tier: dev", "teer: dev")
    try:
        by_obs = [standing.obs(command) for command in ("up", "preview", "render")]
        by_hand = standing.by_hand("pulumi preview -s local --non-interactive")
    finally:
        standing.replace("teer: dev", "tier: dev")
    assert [run.returncode for run in by_obs] == [2, 2, 2]
    assert by_hand.returncode != 0
    for run in (*by_obs, by_hand):
        assert "environment.teer = 'dev': unknown key" in run.stdout + run.stderr
        assert "environment.tier: missing" in run.stdout + run.stderr
        assert "Traceback" not in run.stdout + run.stderr


def test_another_configuration_than_the_file_is_refused(standing: Project, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(standing.stack_file.read_text().replace("cluster: laptop", "cluster: other"))
    run = standing.by_hand(f"pulumi preview -s local --non-interactive --config-file {other}")
    assert run.returncode != 0
    assert "another value than stacks/Pulumi.local.yaml holds" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_an_engine_that_is_not_in_the_cache_is_named(standing: Project, tmp_path: Path) -> None:
    plan = standing.root / "vsi" / "plan.py"
    text = plan.read_text()
    plan.write_text(text.replace("memory_mb=20", 'memory_mb=20, engines=("prometheus",)'))
    try:
        run = standing.by_hand(f"OBS_CACHE={tmp_path} pulumi preview -s local --non-interactive")
    finally:
        plan.write_text(text)
    assert run.returncode != 0
    assert "obs engines build prometheus" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_a_secret_stays_out_of_sight(standing: Project) -> None:
    secret = "s3cret-value-of-the-test"
    address = f"https://hooks.example/{secret}"
    before = standing.stack_file.read_text()
    standing.replace(
        "platform-ticket, kind: ticket, to_sink: true", "platform-ticket, kind: ticket, secret: token"
    )
    standing.replace(
        "    services:\n",
        "    secrets: [{name: token, source: environment, key: TOY_TOKEN}]\n    services:\n",
    )
    try:
        missing = standing.obs("up")
        assert missing.returncode == 2
        assert "TOY_TOKEN" in missing.stderr
        standing.environment["TOY_TOKEN"] = address
        said = standing.up() + standing.obs("preview", "--json").stdout
        standing.environment["TOY_TOKEN"] = f"{address}-2"
        preview = standing.obs("preview")
        assert "one: update" in preview.stdout
        assert "secret_token" in preview.stdout
        said += preview.stdout + preview.stderr
        assert secret not in said
        for path in (standing.root / ".state" / ".pulumi").rglob("*.json"):
            assert secret not in path.read_text(), path
        held = standing.root / ".state" / "local" / "secrets" / "token"
        assert held.read_text().strip() == address
    finally:
        standing.environment.pop("TOY_TOKEN", None)
        standing.stack_file.write_text(before)


def test_proxies_that_lead_nowhere_are_not_asked_for_loopback(standing: Project) -> None:
    names = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")
    nowhere = {case(name): "http://127.0.0.1:9" for name in names for case in (str.lower, str.upper)}
    behind = replace(standing, environment={**standing.environment, **nowhere, "NO_PROXY": "corp.example"})
    before = standing.servers()
    preview = behind.obs("preview", "--expect-no-changes")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    by_hand = behind.by_hand("pulumi preview -s local --non-interactive --expect-no-changes; echo $no_proxy")
    assert by_hand.returncode == 0, by_hand.stdout + by_hand.stderr
    assert by_hand.stdout.splitlines()[-1] == "corp.example,localhost,127.0.0.1,::1"
    assert "nothing to change" in behind.up()
    assert behind.obs("status").returncode == 0
    assert behind.servers() == before
    for pids in before.values():
        for pid in pids:
            assert not any("proxy" in name.lower() for name in psutil.Process(pid).environ())


def test_a_reader_that_goes_away_holds_up_nothing(standing: Project) -> None:
    standing.replace("cluster: laptop", "cluster: tower")
    obs = f"{sys.executable} -m obs"
    try:
        done = standing.shell(f"{obs} up local 2>&1 | head -1; {obs} up local --wait")
        assert "nothing to change" in done.stderr, "the first run was given up"
        assert standing.shell(f"{obs} preview --json | head -c1").stdout == "{"
        assert standing.shell(f"{obs} logs | head -1; {obs} refresh >&- 2>&-").returncode == 0
        assert standing.locks() == []
    finally:
        standing.replace("cluster: tower", "cluster: laptop")


BROKEN = {
    "gone": None,
    "tab": "config:\n\tobs:spec: {}\n",
    "salt": "encryptionsalt: v1:AAAA:v1:BBBB:CCCC\nconfig: {}\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_runs_is_taken_down_whatever_became_of_its_stack_file(standing: Project, kind: str) -> None:
    text, broken = standing.stack_file.read_text(), BROKEN[kind]
    try:
        standing.stack_file.unlink()
        if broken is not None:
            standing.stack_file.write_text(broken)
        assert standing.obs("status").returncode == 0
        if kind == "gone":
            assert standing.obs("refresh").returncode == 0
            assert standing.obs("stop", "local", "three").returncode == 0
        destroyed = standing.obs("destroy", "--yes")
        assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
        assert "Taking down what was recorded at the last deployment." in destroyed.stderr
        assert not any(standing.servers().values())
        found = standing.stack_file.read_text() if standing.stack_file.exists() else None
        assert found == broken, "a stack file was written"
        if kind == "gone":
            assert standing.obs("up").returncode == 2, "without its file nothing can be brought up"
    finally:
        standing.stack_file.write_text(text)


def test_what_the_state_does_not_know_is_taken_down_by_the_records_of_the_host(standing: Project) -> None:
    before = standing.stack_file.read_bytes()
    shutil.rmtree(standing.root / ".state" / ".pulumi")
    destroyed = standing.obs("destroy", "--yes")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert "does not know one, three, two, though they were deployed" in " ".join(destroyed.stderr.split())
    assert not any(standing.servers().values())
    assert standing.stack_file.read_bytes() == before
    assert "nothing of 'local' was brought up from here" in standing.obs("status").stderr


@pytest.mark.parametrize("command", [("refresh",), ("destroy", "--yes")])
def test_a_stack_file_without_a_salt_gets_none(down: Project, command: tuple[str, ...]) -> None:
    text = down.stack_file.read_text()
    shutil.rmtree(down.root / ".state" / ".pulumi")
    try:
        down.stack_file.write_text("")
        done = down.obs(*command)
        assert done.returncode == 0, done.stderr
        assert down.stack_file.read_text() == ""
    finally:
        down.stack_file.write_text(text)


def test_a_unit_renamed_with_its_port_kept_comes_up_in_one_run(standing: Project) -> None:
    plan = standing.root / "vsi" / "plan.py"
    text, before = plan.read_text(), standing.servers()
    plan.write_text(text.replace('unit("three"', 'unit("four"'))
    try:
        preview = standing.obs("preview")
        assert "passes from three to four: three is stopped just before four takes it" in preview.stderr
        assert standing.servers() == before, "a preview stopped something"
        assert "1 created, 1 deleted" in standing.up()
    finally:
        plan.write_text(text)
    assert standing.once_each()
    up = standing.by_hand("pulumi up -s local --yes --non-interactive")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "passes from four to three" in up.stdout + up.stderr
    after = standing.servers()
    assert (after["one"], after["two"]) == (before["one"], before["two"])
    assert standing.obs("status").returncode == 0
