"""What heads share where their template says so: one OpenSearch, in which each is a tenant. Pure.

The sections of a stack file that differ for it: `content` is what the template's file says, `spec` what it
means, with what all environments have. Jaeger knows no users: each head has one, over indices of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

from components.inventory import BY_NAME
from components.spec import Spec

HOST = "127.0.0.1"
_OF_STORE = ("retention", "index", "storage", "store")
"""What a tenant's `logging` and `tracing` leave to the store, or say in their own way."""
_KEPT = ("environment", "deploy", "alerting", "logging", "tracing", "metrics")
"""Sections that a store has."""


def is_shared(spec: Spec) -> bool:
    """Whether heads of a template share a store."""
    return spec.logging.store.shared


def of_tenant(spec: Spec, content: Mapping[str, Any], tenant: str, store_base: int) -> dict[str, Any]:
    """For a head: where the store is, and under which prefixes it keeps its own there."""

    def without(section: str) -> dict[str, Any]:
        found = content.get(section) or getattr(spec, section).model_dump(mode="json", exclude_unset=True)
        return {key: value for key, value in found.items() if key not in _OF_STORE}

    store = {name: f"{HOST}:{store_base + _offset(name)}" for name in ("opensearch", "housekeeper")}
    index = {"prefix": f"{tenant}-{spec.logging.index.prefix}"}
    sharing = {"address": store["opensearch"], "housekeeper": store["housekeeper"], "tenant": tenant}
    storage = {"index_prefix": f"{tenant}-{spec.tracing.storage.index_prefix}"}
    return {
        "logging": {**without("logging"), "index": index, "store": sharing},
        "tracing": {**without("tracing"), "storage": storage},
    }


def of_store(spec: Spec, content: Mapping[str, Any], tenants: Iterable[str]) -> dict[str, Any]:
    """For the store: no services and none of what watches them; receivers without what is secret of them.
    Sections that it does not have are empty."""

    def whole(section: str) -> dict[str, Any]:
        return dict(
            content.get(section) or getattr(spec, section).model_dump(mode="json", exclude_unset=True)
        )

    receivers = [
        {"name": receiver.name, "kind": "ticket", "to_sink": True} for receiver in spec.alerting.receivers
    ]
    logging = {key: value for key, value in whole("logging").items() if key != "inputs"}
    return {
        **{name: {} for name in content if name not in _KEPT},
        "services": [],
        "secrets": [],
        "alerting": {**whole("alerting"), "sink": True, "receivers": receivers},
        "logging": {**logging, "store": {"tenants": sorted(tenants)}},
        "tracing": whole("tracing"),
        "metrics": {"exporters": [name for name in spec.metrics.exporters if name == "opensearch"]},
    }


def _offset(program: str) -> int:
    """Of the port that a program is asked at."""
    return BY_NAME[program].sockets[0].offset
