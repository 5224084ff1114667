"""One full stack for the tests of every part: the demo shop with every section filled in.

Tests state only what they change: `spec(metrics={"scrape_interval": "5s"})`.
"""

import copy
import json
from typing import Any

from components.spec import Spec
from vsi.unit import HostPlan, HostUnit

Stack = dict[str, Any]


def _service(name: str, owner: str, offset: int, *calls: str, redis: bool = False) -> Stack:
    return {
        "name": name,
        "owner": owner,
        "language": "python",
        "version": "1.0.0",
        "metrics": [{}],
        "logs": [{}],
        "run": {
            "command": ["{python}", "-m", f"demo.{name}"],
            "port_offset": offset,
            "calls": list(calls),
            "redis": redis,
        },
    }


_STACK: Stack = {
    "environment": {
        "name": "local",
        "tier": "dev",
        "target": "local",
        "cluster": "workstation",
        "region": "local",
        "team": "platform",
    },
    "deploy": {"port_base": 21000},
    "services": [
        {**_service("gateway", "storefront", 100, "orders"), "slo": {"availability": 99.9}},
        _service("orders", "storefront", 101, "inventory", "payments"),
        {
            **_service("payments", "checkout", 102),
            "slo": {"availability": 99.5, "latency": {"threshold": "500ms", "target": 99.0}, "metrics": {}},
        },
        _service("inventory", "warehouse", 103, redis=True),
        {
            "name": "legacy-billing",
            "owner": "checkout",
            "language": "java",
            "version": "7.2",
            "metrics": [{"address": "127.0.0.1:9404", "path": "/actuator/prometheus", "interval": "30s"}],
            "logs": [
                {
                    "path": "/var/log/billing/*.log",
                    "format": "regex",
                    "pattern": r"^(?P<timestamp>\S+) (?P<log_level>[A-Z]+) (?P<message>.*)$",
                }
            ],
            "traces": {"protocol": "none"},
            "slo": None,
        },
    ],
    "metrics": {
        "exporters": ["node", "redis", "opensearch"],
        "scrape_jobs": [
            {"name": "edge-router", "targets": ["127.0.0.1:9342"], "labels": {"site": "north"}},
        ],
        "rules": {
            "alerts": [
                {
                    "name": "PaymentsDeclinedOften",
                    "expr": "shop:payments_declined:ratio5m > 0.3",
                    "hold": "1m",
                    "severity": "warning",
                    "team": "checkout",
                    "summary": "Many payments are declined",
                    "description": "{{ $value | humanizePercentage }} of the payments were declined.",
                    "runbook": "docs/runbooks/PaymentsDeclinedOften.md",
                    "fires": {
                        "series": [
                            {
                                "series": 'shop_payments_total{service="payments",outcome="declined"}',
                                "values": "0+5x20",
                            },
                            {
                                "series": 'shop_payments_total{service="payments",outcome="accepted"}',
                                "values": "0+5x20",
                            },
                        ],
                        "after": "10m",
                    },
                    "silent": {
                        "series": [
                            {
                                "series": 'shop_payments_total{service="payments",outcome="declined"}',
                                "values": "0+1x20",
                            },
                            {
                                "series": 'shop_payments_total{service="payments",outcome="accepted"}',
                                "values": "0+9x20",
                            },
                        ],
                        "after": "10m",
                    },
                }
            ],
            "recordings": [
                {
                    "record": "shop:payments_declined:ratio5m",
                    "expr": 'sum(rate(shop_payments_total{outcome="declined"}[5m])) '
                    "/ sum(rate(shop_payments_total[5m]))",
                    "labels": {"service": "payments"},
                }
            ],
        },
    },
    "alerting": {
        "sink": True,
        "teams": [
            {"name": "platform", "receiver": "platform-pagerduty"},
            {"name": "storefront", "receiver": "storefront-slack"},
            {"name": "checkout", "receiver": "checkout-teams"},
            {"name": "warehouse", "receiver": "warehouse-tickets"},
        ],
        "receivers": [
            {"name": "platform-pagerduty", "kind": "pagerduty", "to_sink": True},
            {"name": "storefront-slack", "kind": "slack", "to_sink": True, "channel": "#storefront"},
            {"name": "checkout-teams", "kind": "teams", "to_sink": True},
            {"name": "warehouse-tickets", "kind": "ticket", "to_sink": True},
            {"name": "watchdog", "kind": "ticket", "to_sink": True, "send_resolved": False},
        ],
        "routes": [
            {
                "match": {"severity": "critical", "service": "payments"},
                "receiver": "platform-pagerduty",
                "also_owner": True,
            }
        ],
        "grouping": {"wait": "5s", "interval": "30s", "repeat": "4h"},
        "inhibitions": [
            {
                "source": {"severity": "critical"},
                "target": {"severity": "warning"},
                "equal": ["alertname", "service", "env"],
            }
        ],
        "dead_mans_switch": {"receiver": "watchdog"},
        "platform_team": "platform",
        "runbook_base": "https://git.example/observability/blob/main/",
    },
    "logging": {
        "fields": [
            {"name": "http_status", "type": "long"},
            {"name": "http_path", "type": "keyword"},
            {"name": "duration_ms", "type": "double"},
        ],
        "inputs": [{"name": "system", "path": "/var/log/syslog"}],
        "enrichment": {"datacentre": "here"},
        "redaction": [
            {"name": "card-number", "check": "card", "replacement": "[card]"},
            {"name": "email", "pattern": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"},
            {"name": "member", "pattern": r"\bM\d{10}\b"},
        ],
        "sampling": {"debug": 0.1, "info": 1.0},
        "index": {"shards": 1, "replicas": 0},
    },
    "tracing": {
        "tail_sampling": {"keep_attributes": [{"key": "probe.keep", "value": True}], "keep_ratio": 0.2},
        "scrubbing": {"delete": ["http.request.header.authorization"], "hash": ["enduser.id"]},
        "storage": {"replicas": 0},
    },
}


HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmLGU1aDOHZJaiAc2Y/sE62sCSMuh62lbaRuTbdP8Pg"
_SERVERS: Stack = {
    "user": "deploy",
    "key": "ssh-key",
    "sudo_password": "sudo",
    "hosts": [
        {
            "name": "obs-1",
            "address": "192.0.2.11",
            "roles": ["metrics", "alerting"],
            "labels": {"rack": "a"},
            "host_keys": [HOST_KEY],
        },
        {"name": "obs-2", "address": "2001:db8::12", "roles": ["logs"], "port": 2222},
        {"name": "obs-3", "address": "obs-3.example", "roles": ["traces", "gateway"], "user": "root"},
        {"name": "app-1", "address": "192.0.2.14", "roles": ["demo"], "jump": "obs-1"},
    ],
}


_ACCOUNT: Stack = {
    "account": "123456789012",
    "region": "eu-central-1",
    "images": {
        name: f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/obs/{name}@sha256:{'0' * 64}"
        for name in ("programs", "collector", "jaeger", "prometheus", "redis", "fluent_bit")
    },
    "domain": {"nodes": 6},
    "budget": {"monthly_usd": 900, "notify": ["costs@shop.example"]},
    "tags": {"cost_centre": "shop", "cohort": "first", "expiry": "2027-01-31"},
}


def account() -> Stack:
    """Section `aws` of a stack file, a fresh copy."""
    return copy.deepcopy(_ACCOUNT)


def account_with_xray() -> Stack:
    """The same, where X-Ray keeps traces."""
    found = account()
    del found["images"]["jaeger"]
    found["images"]["xray"] = found["images"]["collector"].replace("collector", "xray")
    return {**found, "traces": "xray"}


def account_with_cluster(**changes: Any) -> Stack:
    """The same with a cluster of EKS."""
    cluster = {"version": "1.34", "administrators": ["arn:aws:iam::123456789012:role/platform"]}
    return {**account(), "cluster": {**cluster, **changes}}


def account_with_pods(**changes: Any) -> Stack:
    """The same, where the stack's own programs are pods of that cluster."""
    found = account_with_cluster(reached_from=["198.51.100.0/24"])
    return {**found, "compute": "eks", **changes}


def account_with_images() -> Stack:
    """The same, where the stack builds images of its own programs."""
    found = account()
    del found["images"]["programs"], found["images"]["collector"]
    found["images"]["build"] = {"base": f"docker.io/library/debian@sha256:{'2' * 64}"}
    return found


def account_with_pairs() -> Stack:
    """The same, where the stack has a Prometheus and an Alertmanager of its own, two of each."""
    found = account()
    found["images"]["alertmanager"] = found["images"]["collector"].replace("collector", "alertmanager")
    return {**found, "metrics": "self"}


CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-90ab-cdef-1234-567890abcdef"
"""Of a load balancer."""


def account_with_grafana() -> Stack:
    """The same, where Grafana shows dashboards behind the load balancer."""
    found = account()
    found["images"]["grafana"] = found["images"]["collector"].replace("collector", "grafana")
    return {**found, "grafana": True, "balancer": {"certificate": CERTIFICATE}}


def _merge(base: Any, change: Any) -> Any:
    if isinstance(base, dict) and isinstance(change, dict):
        return {key: _merge(base.get(key), change.get(key, base.get(key))) for key in {**base, **change}}
    return change


def stack(**changes: Any) -> Stack:
    """The demo shop as a stack file has it, a fresh copy. Mappings in `changes` are merged deeply into it;
    anything else (lists too) replaces what stands there."""
    merged: Stack = _merge(copy.deepcopy(_STACK), changes)
    return copy.deepcopy(merged)


def spec(**changes: Any) -> Spec:
    """The demo shop as a Spec, changed as by `stack`. ValueError if it does not fit together."""
    return _whole(stack(**changes))


def _whole(stack: Stack) -> Spec:
    result = Spec.model_validate_json(json.dumps(stack))
    problems = result.problems()
    if problems:
        raise ValueError(f"not a whole stack: {problems}")
    return result


def on_servers(**changes: Any) -> Stack:
    """The demo shop on four servers as a stack file has it, changed as by `stack`."""
    secrets = [
        {"name": name, "source": "environment", "key": name.replace("-", "_").upper()}
        for name in ("ssh-key", "sudo")
    ]
    shop = stack(environment={"target": "vsi"}, servers=copy.deepcopy(_SERVERS), secrets=secrets)
    billing = shop["services"][4]
    billing["hosts"] = ["app-1"]
    billing["metrics"][0]["address"] = ":9404"
    shop["metrics"]["scrape_jobs"][0]["targets"] = ["router.example:9342"]
    merged: Stack = _merge(shop, changes)
    return copy.deepcopy(merged)


def spec_on_servers(**changes: Any) -> Spec:
    """The same as a Spec. ValueError if it does not fit together."""
    return _whole(on_servers(**changes))


def on_kubernetes(**changes: Any) -> Stack:
    """The demo shop in a cluster as a stack file has it, changed as by `stack`."""
    shop = stack(
        environment={"target": "kubernetes"},
        kubernetes={
            "context": "staging",
            "images": {"registry": "registry.example/obs"},
            "ingress": {"host": "obs.example.com"},
            "probes": [{"name": "shop", "url": "https://shop.example.com/health", "owner": "storefront"}],
        },
    )
    billing = shop["services"][4]
    billing["selector"] = {"app": "billing"}
    billing["metrics"][0]["address"] = ":9404"
    shop["metrics"]["scrape_jobs"][0]["targets"] = ["router.example:9342"]
    merged: Stack = _merge(shop, changes)
    return copy.deepcopy(merged)


def on_aws(**changes: Any) -> Stack:
    """The demo shop in an account as a stack file has it, changed as by `stack`: without files of hosts, and
    with receivers of its own."""
    shop = stack(environment={"target": "aws"}, aws=account())
    shop["secrets"] = [
        {"name": receiver["name"], "source": "environment", "key": receiver["name"].upper().replace("-", "_")}
        for receiver in shop["alerting"]["receivers"]
    ]
    for receiver in shop["alerting"]["receivers"]:
        del receiver["to_sink"]
        receiver["secret"] = receiver["name"]
    shop["alerting"]["sink"] = False
    shop["metrics"] |= {"exporters": ["opensearch", "redis"], "exemplars": 0}
    shop["metrics"].pop("retention", None)
    shop["logging"].pop("inputs")
    billing = shop["services"][4]
    billing["logs"] = []
    billing["metrics"][0]["address"] = "billing.shop.internal:9404"
    merged: Stack = _merge(shop, changes)
    return copy.deepcopy(merged)


def spec_on_kubernetes(**changes: Any) -> Spec:
    """The same as a Spec. ValueError if it does not fit together."""
    return _whole(on_kubernetes(**changes))


def spec_on_aws(**changes: Any) -> Spec:
    """The same as a Spec. ValueError if it does not fit together."""
    return _whole(on_aws(**changes))


def service(name: str, /, **changes: Any) -> list[Stack]:
    """The shop's services, with `changes` merged into the one called `name`; for `spec(services=...)`."""
    services: list[Stack] = stack()["services"]
    if name not in [item["name"] for item in services]:
        raise KeyError(name)
    return [_merge(item, changes) if item["name"] == name else item for item in services]


def unit(plan: HostPlan, name: str) -> HostUnit:
    """The one unit of that name."""
    (found,) = [unit for unit in plan.parts if unit.name == name]
    return found


__all__ = [
    "HOST_KEY",
    "Stack",
    "account",
    "account_with_grafana",
    "account_with_images",
    "account_with_xray",
    "on_aws",
    "on_kubernetes",
    "on_servers",
    "service",
    "spec",
    "spec_on_aws",
    "spec_on_kubernetes",
    "spec_on_servers",
    "stack",
    "unit",
]
