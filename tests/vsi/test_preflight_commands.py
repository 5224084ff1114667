"""A command of a service that does not exist is told before anything is changed."""

import sys
from pathlib import Path

import pytest

from components.target import Obstacle
from tests import specs
from vsi.machine import machine_of
from vsi.plan import plan
from vsi.preflight import _commands, _log_paths, question_of
from vsi.unit import HostPlan


def _told(*command: str) -> list[str]:
    services = [{"name": "cart", "owner": "checkout", "run": {"command": list(command), "port_offset": 100}}]
    spec = specs.spec(services=services, metrics={"exporters": ["node"]})
    return [f"{item.key}: {item.value}" for item in _problems(plan(spec, "local"))]


def _problems(made: HostPlan) -> list[Obstacle]:
    return _commands(made, machine_of("local").reach.survey(question_of(made)))


def test_a_folder_in_place_of_a_log_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("line\n")
    logs = [{"path": f"{tmp_path}{rest}"} for rest in ("", "/app.log", "/*", "/none")]
    zoo = {"name": "zoo", "owner": "checkout", "logs": logs, "slo": None}
    made = plan(specs.spec(services=[zoo], metrics={"exporters": ["node"]}), "local")
    found = _log_paths(made, machine_of("local").reach.survey(question_of(made)))
    assert [(str(item.key), str(item.value), item.fatal) for item in found] == [
        (f"logs {tmp_path}", "a folder", False)
    ]
    assert f"{tmp_path}/*.log" in str(found[0])


@pytest.mark.parametrize(
    "command",
    [
        ["{python}", "-m", "demo.gateway"],
        ["{python}", "-c", "1"],
        ["sh", "-c", "x"],
        [sys.executable],
        ["{python}"],
    ],
)
def test_what_exists_is_fine(command: list[str]) -> None:
    assert _told(*command) == []


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no program")
    cases = {
        ("cart-server", "--x"): "cart-server is not on PATH",
        ("/opt/cart/bin/server",): "/opt/cart/bin/server is no program that may be run",
        (str(text),): f"{text} is no program that may be run",
        (str(tmp_path),): f"{tmp_path} is no program that may be run",
        ("./server",): "./server is a relative path; services run in folders of their own",
        ("bin/server",): "bin/server is a relative path; services run in folders of their own",
        ("{python}", "-m", "demo.gatewya"): "there is no Python module demo.gatewya",
        ("{python}", "-m", "nowhere.at.all"): "there is no Python module nowhere.at.all",
        ("{python}", "/opt/cart.py"): "there is no file /opt/cart.py",
    }
    for command, found in cases.items():
        assert _told(*command) == [f"service cart: {found}"]


def test_the_stacks_own_programs_are_not_judged() -> None:
    assert _problems(plan(specs.spec(), "local")) == []
