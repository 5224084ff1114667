"""Stop, start and logs of a stack one host of which is away: it is named, the others are served."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from typer.testing import CliRunner

from components.errors import SuiteError
from obs.cli import app
from obs.commands import host as commands
from vsi import host
from vsi.errors import Unreachable
from vsi.servers import operate
from vsi.servers.target import TARGET

WHY = "root@10.0.0.12 port 22: no answer"


@dataclass
class Host:
    """Stands for the machine of a host."""

    name: str
    there: bool = True
    asked: list[str] = field(default_factory=list)

    def do(self, what: str) -> None:
        if not self.there:
            raise Unreachable(self.name, WHY)
        self.asked.append(what)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> dict[str, Host]:
    """Two, of which the second is away."""
    found = {"obs-1": Host("obs-1"), "obs-2": Host("obs-2", there=False)}

    def records(machine: Host) -> dict[str, None]:
        machine.do("records")
        return {"prometheus": None}

    def stop(machine: Host, *_: object) -> None:
        machine.do("stop")

    def start(machine: Host, *_: object) -> list[Exception]:
        machine.do("start")
        return []

    def logs(machine: Host, *_: object, **__: object) -> list[tuple[str, str]]:
        machine.do("logs")
        return [("prometheus", f"of {machine.name}")]

    for name, function in (("records", records), ("stop", stop), ("start", start), ("logs", logs)):
        monkeypatch.setattr(host, name, function)
    monkeypatch.setattr(operate, "machines", lambda _: found)
    monkeypatch.setattr("vsi.servers.alone.machines", lambda _: {})
    monkeypatch.setattr("obs.describe.check_known", lambda _: None)
    monkeypatch.setattr("obs.describe.operate_of", lambda *_: TARGET.operate)
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    assert commands
    return found


@pytest.mark.parametrize("command", ["stop", "start", "logs"])
@pytest.mark.parametrize("unit", [(), ("prometheus",)], ids=["all", "one"])
def test_a_host_that_is_away_is_named_and_the_others_are_served(
    hosts: dict[str, Host], command: str, unit: tuple[str, ...]
) -> None:
    done = CliRunner().invoke(app, [command, "dev", *unit])

    assert done.exit_code == 1
    assert f"obs-2: {WHY}" in done.output.replace("\n", " ")
    assert hosts["obs-1"].asked == ["records", command]
    assert command != "logs" or "of obs-1" in done.output


def test_who_asks_about_another_host_alone_is_not_told(hosts: dict[str, Host]) -> None:
    assert CliRunner().invoke(app, ["logs", "dev", "--host", "obs-1"]).exit_code == 0
    away = CliRunner().invoke(app, ["logs", "dev", "--host", "obs-2"])
    assert (away.exit_code, away.output.strip()) == (1, f"obs-2: {WHY}")


def stopped(ids: list[str]) -> str:
    with pytest.raises(SuiteError) as caught:
        operate.stop("dev", ids, lambda *_: None)
    return str(caught.value)


def started(ids: list[str]) -> str:
    [error] = operate.start("dev", ids, lambda *_: None)
    return str(error)


def read(ids: list[str]) -> str:
    rows = operate.logs("dev", ids, follow=False, lines=5, over=lambda: True)
    assert next(rows) == ("prometheus@obs-1", "of obs-1")
    with pytest.raises(SuiteError) as caught:
        next(rows)
    return str(caught.value)


@pytest.mark.parametrize("work", [stopped, started, read])
def test_one_that_goes_away_in_between_stops_nobody_else(
    hosts: dict[str, Host], work: Callable[[list[str]], str]
) -> None:
    assert work(["prometheus@obs-2", "prometheus@obs-1"]) == f"obs-2: {WHY}"
    assert len(hosts["obs-1"].asked) == 1
