"""A bad settings file ends in exit code 2 and a text that names every key; never in a traceback."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo import gateway, inventory, loadgen, orders, payments
from demo._app import run
from demo.settings import SettingsError, load_settings
from tests.demo.support import ROOT, make_settings

ORDERS = {"orders": "http://127.0.0.1:1"}


def write(folder: Path, settings: Any) -> Path:
    path = folder / "settings.json"
    path.write_text(settings if isinstance(settings, str) else json.dumps(settings))
    return path


def test_good_settings(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, make_settings("gateway", calls=ORDERS)))
    assert settings.calls == ORDERS
    assert settings.redis is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"port": 0}, "port: "),
        ({"port": "high"}, "port: "),
        ({"head_sampling": 1.1}, "head_sampling: "),
        ({"otlp": {"endpoint": "localhost:4317", "protocol": "grpc"}}, "otlp.endpoint: "),
        ({"otlp": {"endpoint": "http://a:1", "protocol": "thrift"}}, "otlp.protocol: "),
        ({"calls": {"orders": "orders"}}, "calls.orders: "),
        ({"redis": "127.0.0.1:6379"}, "redis: "),
        ({"service": "Gate Way"}, "service: "),
        ({"correlation_header": "X Id"}, "correlation_header: "),
        ({"options": {"a": [1]}}, "options.a"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ],
)
def test_every_bad_key_is_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match="not valid") as caught:
        load_settings(write(tmp_path, make_settings("gateway", **changes)))
    assert says in str(caught.value)


def test_all_errors_at_once(tmp_path: Path) -> None:
    settings = make_settings("gateway", port=0, head_sampling=2)
    del settings["owner"]
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, settings))
    for key in ("port: ", "head_sampling: ", "owner: Field required"):
        assert key in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_not_a_settings_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(write(tmp_path, text))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("module", "changes", "says"),
    [
        (gateway, {}, "calls.orders: is missing"),
        (gateway, {"calls": ORDERS, "options": {"tracelink": ""}}, "options.tracelink: Extra"),
        (orders, {}, "calls.inventory: is missing"),
        (orders, {"options": {"fast": True}}, "options.fast: Extra"),
        (payments, {"options": {"limit_cents": 0}}, "options.limit_cents: "),
        (inventory, {"options": {"initial_stock": "many"}}, "options.initial_stock: "),
        (loadgen, {}, "calls.gateway: is missing"),
        (loadgen, {"options": {"rate": -1}}, "options.rate: "),
    ],
)
@pytest.mark.parametrize("how", [[], ["--check"]])
def test_modules_check_their_own_keys(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    module: Any,
    changes: dict[str, Any],
    says: str,
    how: list[str],
) -> None:
    path = write(tmp_path, make_settings("x", **changes))
    with pytest.raises(SystemExit) as caught:
        run(module.create_app, module.read_options, ["--settings", str(path), *how])
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert says in said.err
    assert str(path) in said.err
    assert said.out == ""


def test_a_check_serves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It runs beside the service that it is about."""
    with socket.create_server(("127.0.0.1", 0)) as running:
        port = running.getsockname()[1]
        path = write(tmp_path, make_settings("payments", port=port))
        run(payments.create_app, payments.read_options, ["--settings", str(path), "--check"])
    assert capsys.readouterr() == ("", "")


def test_as_a_program(tmp_path: Path) -> None:
    path = write(tmp_path, make_settings("payments", port="x"))
    done = subprocess.run(
        [sys.executable, "-m", "demo.payments", "--settings", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "port: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
