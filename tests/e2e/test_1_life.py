"""A stack's life on this machine: up, proven, drifted, killed, repaired."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.e2e.shop import PATIENCE, WAIT_S, Shop
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_a_second_up_changes_nothing(shop: Shop) -> None:
    before = shop.stack_file.read_bytes()
    pids = shop.pids()
    told = shop.obs("up").stderr
    assert "nothing to change" in told
    assert shop.pids() == pids
    assert shop.stack_file.read_bytes() == before
    shop.obs("preview", "--expect-no-changes")


def test_verify_finds_nothing_wrong(shop: Shop) -> None:
    done = shop.obs("verify", "--json", "--patience", PATIENCE)
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    assert not [row for row in rows.values() if row["result"] == "failed"]
    assert {name for name, row in rows.items() if row["result"] == "not applied"} == {
        "observed services scraped"
    }
    assert len(rows) >= 13


def test_every_listener_is_on_loopback(shop: Shop) -> None:
    addresses = set()
    for process in shop.processes():
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                addresses.add(connection.laddr.ip)
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_secrets_stand_in_their_files_only(shop: Shop) -> None:
    secrets = [path.read_text() for path in (shop.state / "secrets").iterdir() if path.is_file()]
    assert len(secrets) >= 5
    places = [*shop.root.glob(".state/.pulumi/**/*"), *shop.state.glob("units/*/conf/**/*")]
    places += [*shop.state.glob("units/*/applied.json"), *shop.state.glob("units/*/log/*"), shop.stack_file]
    texts = [path.read_bytes() for path in places if path.is_file()]
    assert len(texts) > 50
    for secret in secrets:
        assert not any(secret.encode() in text for text in texts)
    for path in (shop.state / "secrets").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_refresh_finds_what_was_changed_by_hand_and_up_repairs_it(shop: Shop) -> None:
    conf = shop.state / "units"
    rules = conf / "prometheus" / "conf" / "rules" / "payments.yml"
    templates = conf / "alertmanager" / "conf" / "templates" / "obs.tmpl"
    planned = rules.read_text(), templates.read_text()
    rules.write_text(planned[0] + "# by hand\n")
    templates.unlink()
    shop.obs("stop", "local", "jaeger")
    told = shop.obs("refresh").stderr
    assert [name for name in ("prometheus", "alertmanager", "jaeger") if name not in told] == []
    preview = shop.obs("preview").stdout
    assert "# by hand" in preview
    shop.obs("up")
    assert (rules.read_text(), templates.read_text()) == planned
    assert shop.whole()


@pytest.mark.parametrize(
    "unit", ["prometheus", "alertmanager", "collector", "jaeger", "opensearch", "payments"]
)
def test_a_killed_engine_is_started_again(shop: Shop, unit: str) -> None:
    until(shop.whole, "everything runs", seconds=WAIT_S)
    before = shop.pids()
    os.kill(before[unit], signal.SIGKILL)
    until(lambda: shop.pids()[unit] not in (0, before[unit]), f"{unit} runs again", seconds=WAIT_S)
    until(shop.whole, "everything runs", seconds=WAIT_S)
    others = {name: pid for name, pid in shop.pids().items() if name != unit}
    assert others == {name: pid for name, pid in before.items() if name != unit}


def test_a_killed_supervisor_leaves_no_double(shop: Shop) -> None:
    supervisor = int((shop.state / "supervisor" / "supervisord.pid").read_text())
    before = set(shop.pids().values())
    os.kill(supervisor, signal.SIGKILL)
    until(
        lambda: not any(psutil.pid_exists(pid) for pid in before), "its children end with it", seconds=WAIT_S
    )
    assert not shop.whole()
    shop.obs("start")
    until(shop.whole, "everything runs", seconds=WAIT_S)
    assert shop.leaders() == {unit: [pid] for unit, pid in shop.pids().items()}


def test_render_is_the_same_each_time(shop: Shop, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shop.obs("render", "local", "--out", str(tmp_path / name))
    files = [
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    ]
    assert len(files[0]) > 40
    assert files[0] == files[1]
