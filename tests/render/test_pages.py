"""The settings of the stack's web pages."""

import json
from typing import Any

from agents.pages import Settings
from components.render import pages
from components.render.text import texts
from tests.render import golden
from tests.specs import spec
from vsi.site import local_site

SPEC = spec()


def settings(**changes: Any) -> dict[str, Any]:
    whole = spec(**changes)
    loaded: dict[str, Any] = json.loads(texts(pages.render(whole, local_site(whole)))["settings.json"])
    return loaded


def test_golden() -> None:
    golden.check("pages", texts(pages.render(SPEC, local_site(SPEC))))


def test_the_agent_takes_them() -> None:
    assert Settings.model_validate(settings()).stack == SPEC.environment.name


def test_no_password_stands_in_them() -> None:
    assert settings()["logs"]["password_file"] == "../../../secrets/opensearch-reader"


def test_without_a_sink_none_is_named() -> None:
    receivers = [{"name": "only", "kind": "ticket", "secret": "url"}]
    whole = {
        "sink": False,
        "receivers": receivers,
        "teams": [{"name": team.name, "receiver": "only"} for team in SPEC.alerting.teams],
        "routes": [],
        "dead_mans_switch": {"receiver": "only"},
    }
    secrets = [{"name": "url", "source": "environment", "key": "X"}]
    assert settings(alerting=whole, secrets=secrets)["sink"] is None


def test_each_service_is_shown_by_what_it_promises_by() -> None:
    for service in settings()["services"]:
        assert f'service="{service["name"]}"' in service["requests"]
        assert service["buckets"].endswith("}")
        assert "_bucket{" in service["buckets"]
