"""Jaeger 2: takes sampled traces from the collector, keeps them in OpenSearch, answers queries about them.

Two choices keep spans from getting lost on their way into the store:

- no `batch` processor: it would acknowledge spans that it still holds. Without it a request of the collector
  is acknowledged only when the writer to the store has taken every span; while the store is away the writer
  takes none, the collector's request times out and its queue holds the spans;
- `use_aliases`: Jaeger writes to `...-write` and reads from `...-read`, and the pipelines and templates of
  `components.render.opensearch_store` make daily indices of that, with retention as for logs. The days of its
  own naming are of the span's clock: a client whose clock is wrong would make indices for years.
"""

from typing import Any

from components.inventory import BY_NAME
from components.render import collector_spread, own_metrics, sizes, tls
from components.render.document import Document, Documents
from components.render.opensearch_store import user_of
from components.running import Health, Running, program
from components.site import Site
from components.spec import Spec

PROGRAM = BY_NAME["jaeger"]
HEALTH_PATH = "/status"
_STORE = "opensearch"
_INDICES = ("spans", "services", "dependencies", "sampling")
_BULK = {"flush_interval": "1s", "workers": 2}
"""Where a write waits for copies on other nodes, it takes longer than the 0.2 s after which the next one is
due: each would have a few spans, and spans come faster than that."""


def render(spec: Spec, site: Site) -> Documents:
    """Its conf folder: `jaeger.yaml`. The store's password is read from its file, anew on change."""
    name = PROGRAM.name
    config: dict[str, Any] = {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]},
                **own_metrics.pipelines(site, name),
            },
            "telemetry": {
                # Otherwise labels of every metric, and new series with every start.
                "resource": {"service.instance.id": None, "service.version": None},
                "logs": {"level": "info", "encoding": "json"},
                **own_metrics.telemetry(spec, site, name),
            },
        },
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {
                        "endpoint": site.bind("jaeger-otlp-grpc"),
                        **({"keepalive": collector_spread.KEEPALIVE} if _several(site) else {}),
                        "max_recv_msg_size_mib": sizes.messages(spec).receive_mib,
                        **tls.served(site, "jaeger-otlp-grpc", "jaeger"),
                    }
                }
            },
            **own_metrics.receivers(site, name),
        },
        "exporters": {
            "jaeger_storage_exporter": {"trace_storage": _STORE},
            **own_metrics.exporters(spec, site, name),
        },
        "extensions": {
            "jaeger_storage": {"backends": {_STORE: {"opensearch": _store(spec, site)}}},
            "jaeger_query": {
                "storage": {"traces": _STORE},
                "http": _served(site, "jaeger-query-http"),
                "grpc": _served(site, "jaeger-query-grpc"),
            },
            "healthcheckv2": {
                "use_v2": True,
                "http": {
                    **_served(site, "jaeger-health"),
                    "status": {"enabled": True, "path": HEALTH_PATH},
                    "config": {"enabled": False},
                },
            },
        },
    }
    return {"jaeger.yaml": Document(config, "yaml")}


def _several(site: Site) -> bool:
    return len(site.dial_all("jaeger-otlp-grpc")) > 1


def _store(spec: Spec, site: Site) -> dict[str, Any]:
    storage = spec.tracing.storage
    return {
        "server_urls": list(site.urls("opensearch")),
        "auth": {
            "basic": {
                "username": user_of(spec, PROGRAM.user),
                "password_file": site.secret(PROGRAM.password),
                # Without it a password that was changed is read with the next start only.
                "reload_interval": "10s",
            }
        },
        "tls": {"ca_file": site.store_ca},
        "indices": {"index_prefix": storage.index_prefix, **dict.fromkeys(_INDICES, _index(spec))},
        **({"bulk_processing": _BULK} if len(site.urls("opensearch")) > 1 else {}),
        "use_aliases": True,
        # In a store that is shared its owner does.
        "create_mappings": spec.logging.store.tenant is None,
        "service_cache_ttl": "12h",
    }


def _index(spec: Spec) -> dict[str, int]:
    return {"shards": spec.tracing.storage.shards, "replicas": spec.tracing.storage.replicas}


def _served(site: Site, listener: str) -> dict[str, Any]:
    return {"endpoint": site.bind(listener), **tls.served(site, listener, "jaeger")}


def running(spec: Spec, site: Site) -> Running:
    """Its settings are judged by itself."""
    del spec, site
    exe = program("jaeger", "jaeger")
    return Running(
        command=(exe, "--config", "jaeger.yaml"),
        checks=((exe, "validate", "--config", "jaeger.yaml"),),
        health=Health("jaeger-health", HEALTH_PATH, seconds=120),
        secrets=(PROGRAM.password,),
        needs=("opensearch",),
        memory_mb=120,
    )
