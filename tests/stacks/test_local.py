"""The committed local stack says what the team means by it: who is told, and what is blotted out."""

import subprocess
from pathlib import Path

import pytest

from components.render import alertmanager
from components.render.text import texts
from components.spec import Spec
from engines.store import Store
from stacks.loader import load
from vsi.site import local_site

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
    for name, text in texts(alertmanager.render(spec, local_site(spec))).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    labels = [f"team={team}", f"severity={severity}", "alertname=ServiceErrorRatioHigh", "env=local"]
    amtool = Store().executable("alertmanager", "amtool")
    command = [str(amtool), "config", "routes", "test", f"--config.file={tmp_path}/alertmanager.yml", *labels]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == RECEIVERS[team]


def test_card_numbers_are_blotted_out_by_issuer_and_check_digit(spec: Spec) -> None:
    # What that finds and what it leaves alone is held by the tests of tools/otelcol/scrub.
    assert [(rule.pattern, rule.check, rule.replacement) for rule in spec.logging.redaction] == [
        (None, "card", "[card]")
    ]


def test_what_never_reaches_a_store(spec: Spec) -> None:
    scrubbing = spec.tracing.scrubbing
    assert {"http.request.header.authorization", "http.request.header.cookie"} <= set(scrubbing.delete)
    assert "enduser.id" in scrubbing.hash
    assert {"user_id", "session_id", "request_id", "trace_id"} <= set(spec.metrics.forbidden_labels)


def test_what_sampling_keeps(spec: Spec) -> None:
    tail = spec.tracing.tail_sampling
    assert tail.keep_errors
    assert [(item.key, item.value) for item in tail.keep_attributes] == [("obs.probe", True)]
    assert spec.tracing.head_sampling == 1.0, "what is dropped at the head cannot be kept at the tail"


def test_what_is_told_and_what_is_not(spec: Spec) -> None:
    """Everyone hears that it is over, but for the dead man's switch; only a service that is down is muted."""
    silent = [receiver.name for receiver in spec.alerting.receivers if not receiver.send_resolved]
    assert silent == [spec.alerting.dead_mans_switch.receiver]
    (mute,) = spec.alerting.inhibitions
    assert (dict(mute.source), dict(mute.target)) == ({"alertname": "TargetDown"}, {"severity": "warning"})
    assert set(mute.equal) == {"service", "env"}
