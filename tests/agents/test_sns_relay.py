"""The relay from SNS to receivers: what Alertmanager's templates put into a message arrives as the receiver's
own payload, which the sink reads as it reads Alertmanager's."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agents import sns_relay
from agents.sink_payloads import read_payload
from components.render import alertmanager_sns
from components.render.document import Document
from components.render.text import text
from tests.ports import free_port
from tests.render.engines import program, run
from tests.render.processes import inbox
from tests.specs import spec_on_aws

TOPIC = "arn:aws:sns:eu-central-1:123456789012:obs-test-alerts"
KEY = "0123456789abcdef0123456789abcdef"
HOSTILE = '<!channel> \u2029--link-- "quoted" \\ back\nline\tend é \u202e *bold*'


def _data(count: int = 2, **labels: str) -> dict[str, Any]:
    own = {
        "alertname": "TargetDown",
        "severity": "critical",
        "service": "payments",
        "team": "checkout",
        **labels,
    }
    alert = {
        "status": "firing",
        "labels": own,
        "annotations": {
            "summary": HOSTILE,
            "description": HOSTILE,
            "runbook": "https://git.example/docs/runbooks/TargetDown.md",
        },
        "startsAt": "2026-11-28T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "ab",
    }
    return {
        "receiver": "one",
        "status": "firing",
        "alerts": [alert] * count,
        "groupLabels": {"alertname": own["alertname"]},
        "commonLabels": own,
        "commonAnnotations": alert["annotations"],
        "externalURL": "https://aps.example",
    }


def _definition() -> dict[str, Any]:
    documents = alertmanager_sns.render(spec_on_aws(), TOPIC, "eu-central-1")
    definition: dict[str, Any] = documents["alertmanager.yml"].data
    return definition


def _message(folder: Path, name: str, data: dict[str, Any]) -> str:
    """What Alertmanager would write, by amtool."""
    (folder / "obs.tmpl").write_text(_definition()["template_files"]["obs.tmpl"])
    (folder / "data.json").write_text(json.dumps(data))
    told = subprocess.run(
        [
            program("alertmanager", "amtool"),
            "template",
            "render",
            "--template.glob=obs.tmpl",
            "--template.type=text",
            "--template.data=data.json",
            f'--template.text={{{{ template "obs.sns.{name}" . }}}}',
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return told.stdout.removesuffix("\n")


def _record(message: str, receiver: str = "one") -> dict[str, Any]:
    return {
        "Sns": {"Message": message, "MessageAttributes": {"receiver": {"Type": "String", "Value": receiver}}}
    }


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["slack", "teams", "pagerduty", "ticket"])
@pytest.mark.parametrize("count", [2, 60])
def test_a_receiver_takes_what_the_relay_sends(kind: str, count: int, tmp_path: Path) -> None:
    message = _message(tmp_path, kind, _data(count))
    with inbox(free_port()) as received:
        url = f"http://127.0.0.1:{received.port}/"
        settings = {"one": {"kind": kind, "secret": "s", "url": url}}
        sns_relay.deliver(_record(message), settings, lambda _: KEY if kind == "pagerduty" else url)
    [(_, body)] = received.posts
    found = read_payload(kind, "one", body)
    assert (found.status, found.alertname, found.severity) == ("firing", "TargetDown", "critical")
    assert found.runbook_url == "https://git.example/docs/runbooks/TargetDown.md"
    assert len(json.dumps(body)) < 28_000 or kind == "ticket"


@pytest.mark.engine
@pytest.mark.parametrize("name", ["TargetDown", "A" * 120, "Ünï\ncode"])
def test_a_subject_is_one_that_sns_takes(name: str, tmp_path: Path) -> None:
    subject = _message(tmp_path, "subject", _data(alertname=name, service="s" * 40))
    assert len(subject) <= alertmanager_sns.SUBJECT
    assert subject.isascii()
    assert subject.isprintable()


@pytest.mark.engine
def test_amtool_accepts_the_definition(tmp_path: Path) -> None:
    definition = _definition()
    (tmp_path / "alertmanager.yml").write_text(definition["alertmanager_config"])
    for name, template in definition["template_files"].items():
        (tmp_path / name).write_text(template)
    checked = run((program("alertmanager", "amtool"), "check-config", "alertmanager.yml"), tmp_path)
    assert checked.returncode == 0, checked.stdout
    assert "5 receivers" in checked.stdout


def test_the_definition_is_text_in_text() -> None:
    assert "alertmanager_config: |" in text(Document(_definition(), "yaml"))


def test_a_message_for_nobody_is_told() -> None:
    with pytest.raises(sns_relay.RelayError, match="receiver 'other'"):
        sns_relay.deliver(_record("x", "other"), {"one": {"kind": "slack"}}, str)


def test_what_a_value_says_is_no_name_of_a_text() -> None:
    given = sns_relay.sections("\u2029--title--\none\n--link--\n\u2029--text--\ntwo")
    assert given == {"title": "one\n--link--", "text": "two"}


def test_no_address_is_told_when_it_does_not_answer() -> None:
    settings = {"one": {"kind": "ticket", "secret": "s"}}
    message = json.dumps({"groupLabels": {}})
    with pytest.raises(sns_relay.RelayError) as caught:
        sns_relay.deliver(_record(message), settings, lambda _: "http://127.0.0.1:9/key-in-path")
    assert "key-in-path" not in str(caught.value)
    assert "receiver one" in str(caught.value)
