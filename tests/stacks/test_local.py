"""The committed local stack says what the team means by it: who is told, and what is blotted out."""

import re
import subprocess
from pathlib import Path

import pytest

from components.addresses import addresses
from components.render import alertmanager
from components.spec import Spec
from engines.store import Store
from stacks.loader import load

RECEIVERS = {
    "platform": "platform-ticket",
    "shop-web": "web-slack",
    "payments": "payments-pager",
    "warehouse": "warehouse-teams",
}
OWNERS = {
    "gateway": "shop-web",
    "orders": "shop-web",
    "payments": "payments",
    "inventory": "warehouse",
    "loadgen": "platform",
}
CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5500005555555559",
    "2221000000000009",
    "378282246310005",
    "3782 822463 10005",
    "6011111111111117",
    "4222222222222",
]
INNOCENT = [
    "2026-11-22T10:33:36.123456Z",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "order 4711 took 4111 ms",
    "127.0.0.1:21150",
    "+49 30 1234567",
]


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Spec:
    monkeypatch.delenv("OBS_PORT_BASE", raising=False)
    return load("local")


def test_each_team_is_told_where_it_expects(spec: Spec) -> None:
    assert {team.name: team.receiver for team in spec.alerting.teams} == RECEIVERS
    assert {service.name: service.owner for service in spec.services} == OWNERS


@pytest.mark.engine
@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
@pytest.mark.parametrize("team", sorted(RECEIVERS))
def test_an_alert_reaches_its_owner(spec: Spec, tmp_path: Path, team: str, severity: str) -> None:
    if Store().locate("alertmanager") is None:
        pytest.skip("no alertmanager in the cache; `make engines` makes it")
    for name, text in alertmanager.render(spec, addresses(spec)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    labels = [f"team={team}", f"severity={severity}", "alertname=ServiceErrorRatioHigh", "env=local"]
    amtool = Store().executable("alertmanager", "amtool")
    command = [str(amtool), "config", "routes", "test", f"--config.file={tmp_path}/alertmanager.yml", *labels]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == RECEIVERS[team]


@pytest.mark.parametrize("text", CARDS)
def test_card_numbers_are_blotted_out(spec: Spec, text: str) -> None:
    line = f"charging {text} for order 17, card={text};"
    for rule in spec.logging.redaction:
        line = re.sub(rule.pattern, rule.replacement, line)
    assert line == "charging [card] for order 17, card=[card];"


@pytest.mark.parametrize("text", INNOCENT)
def test_other_numbers_stay(spec: Spec, text: str) -> None:
    for rule in spec.logging.redaction:
        assert re.sub(rule.pattern, rule.replacement, text) == text
