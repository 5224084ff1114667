"""Values that an engine would refuse, or read as something else, are refused with the stack file."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from components.spec import Spec
from tests import specs


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metrics": {"scrape_interval": "5s\n"}}, "whole number above 0 and a unit"),
        ({"metrics": {"retention": {"time": "999999999d"}}}, "at most 3650d"),
        ({"alerting": {"grouping": {"repeat": "999999999w"}}}, "at most 3650d"),
        ({"logging": {"buffer": {"size": "9999999TiB"}}}, "at most 1024TiB"),
        ({"logging": {"buffer": {"size": "512MiB\n"}}}, "whole number above 0 and a unit"),
        ({"metrics": {"limits": {"samples_per_scrape": 10**30}}}, "less than or equal to 10000000"),
        ({"metrics": {"exemplars": 10**30}}, "less than or equal to 100000000"),
        ({"alerting": {"grouping": {"by": ["alertname", "alertname"]}}}, "twice: alertname"),
        ({"tracing": {"span_metrics": {"dimensions": ["http.route", "http.route"]}}}, "twice: http.route"),
        ({"tracing": {"span_metrics": {"dimensions": ["service.name"]}}}, "twice: service.name"),
        (
            {"tracing": {"tail_sampling": {"decision_wait": "5s", "keep_slow": "8s"}}},
            "expected keep_slow (8s) below decision_wait (5s)",
        ),
        (
            {"tracing": {"tail_sampling": {"decision_wait": "2s", "keep_slow": "2000ms"}}},
            "lower the one or raise the other",
        ),
        (
            {"tracing": {"tail_sampling": {"decision_wait": "30s", "root_wait": "20s"}}},
            "expected root_wait (20s) not below decision_wait (30s)",
        ),
        ({"tracing": {"tail_sampling": {"decision_wait": "2m"}}}, "raise the one or lower the other"),
        ({"tracing": {"batching": {"size": "16MiB"}}}, "expected 256KiB to 8MiB"),
        ({"tracing": {"batching": {"size": "255KiB"}}}, "expected 256KiB to 8MiB"),
        ({"logging": {"inputs": [{"name": "a", "path": "/var/log/[a.log"}]}}, "an absolute path"),
        ({"environment": {"cluster": "{{ x }}"}}, "read it as a template"),
    ],
)
def test_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        specs.spec(**changes)
    assert told in " ".join(f"{error['msg']} {error['type']}" for error in caught.value.errors())


@pytest.mark.parametrize(
    ("changes", "place", "told"),
    [
        (
            {"logging": {"fields": [{"name": "_id", "type": "text"}]}},
            "logging.fields.0.name",
            "which are taken",
        ),
        (
            {"logging": {"fields": [{"name": "log.x", "type": "text"}]}},
            "logging.fields.0.name",
            "which are taken",
        ),
        ({"logging": {"enrichment": {"log.record.uid": "a"}}}, "logging.enrichment", "which are taken"),
        (
            {"logging": {"enrichment": {"parse_error": "a"}}},
            "logging.enrichment",
            "not understood of a record",
        ),
        (
            {"logging": {"fields": [{"name": "unparsed.x", "type": "text"}]}},
            "logging.fields.0.name",
            "not understood of a record",
        ),
        (
            {"logging": {"fields": [{"name": "n", "type": "long"}], "enrichment": {"n": "a"}}},
            "logging.enrichment.n",
            "expected a long",
        ),
        (
            {"logging": {"redaction": [{"name": "a", "pattern": "a"}, {"name": "a", "pattern": "b"}]}},
            "logging.redaction",
            "name",
        ),
        (
            {"logging": {"inputs": [{"name": n, "path": "/var/log/*.log"} for n in ("one", "two")]}},
            "logging.inputs.1.path",
            "logging.inputs[0].path has it too",
        ),
        (
            {"secrets": [{"name": "tls", "source": "environment", "key": "X"}]},
            "secrets.0.name",
            "does not use itself",
        ),
        (
            {"secrets": [{"name": "loopback", "source": "environment", "key": "X"}]},
            "secrets.0.name",
            "does not use itself",
        ),
        (
            {"secrets": [{"name": "opensearch-admin", "source": "environment", "key": "X"}]},
            "secrets.0.name",
            "does not use itself",
        ),
        (
            {
                "services": specs.service("orders", logs=[{}, {"path": "/x/2"}]),
                "logging": {"inputs": [{"name": "orders-2", "path": "/y"}]},
            },
            "logging.inputs",
            "name",
        ),
    ],
)
def test_does_not_fit(changes: dict[str, Any], place: str, told: str) -> None:
    found = Spec.model_validate_json(json.dumps(specs.stack(**changes))).problems()
    told_at = [item.expected for item in found if ".".join(map(str, item.path)).startswith(place)]
    assert [message for message in told_at if told in message], found


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": {"retention": {"time": "3650d"}}},
        {"logging": {"inputs": [{"name": "a", "path": "/var/log/**/a-?.log*"}]}},
        {"environment": {"cluster": "a {b} $c"}},
    ],
)
def test_accepted(changes: dict[str, Any]) -> None:
    specs.spec(**changes)
