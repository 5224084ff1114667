"""The front of a host: Caddy, which speaks TLS in the place of the programs there that cannot. They listen on
loopback; it listens where other hosts dial them, asks for a certificate of the stack's authority, and passes
on what it is asked.

What a program has to judge is passed on as if it were asked on loopback: the pages answer no other `Host`.
"""

from typing import Any

from components.render.document import Document, Documents
from components.running import Health, Running, program
from components.site import Listener, Site
from components.spec import Spec

NAME = "front"
HEALTH_PATH = "/health"
_PLAIN = {"automatic_https": {"disable": True}, "protocols": ["h1"]}
"""Certificates are the stack's own, and nothing is asked of an authority elsewhere."""


def render(spec: Spec, site: Site) -> Documents:
    """`caddy.json`."""
    del spec
    config: dict[str, Any] = {
        "admin": {"config": {"persist": False}, "disabled": True},
        "apps": {
            "http": {"grace_period": "5s", "metrics": {}, "servers": _servers(site)},
            "tls": {
                "certificates": {
                    "load_files": [
                        {"certificate": site.certificate(NAME), "key": site.key(NAME), "tags": [NAME]}
                    ]
                },
                "disable_ocsp_stapling": True,
            },
        },
        "logging": {"logs": {"default": {"encoder": _ENCODER, "writer": {"output": "stdout"}}}},
        "storage": {"module": "file_system", "root": site.data(NAME)},
    }
    return {"caddy.json": Document(config, "json")}


_ENCODER = {
    "fields": {name: {"filter": "delete"} for name in ("request>headers", "request>tls", "resp_headers")},
    "format": "filter",
    "wrap": {"format": "json"},
}
"""There is no log of requests. One that could not be passed on is told without what stands in it."""


def _servers(site: Site) -> dict[str, Any]:
    """One for each listener that it serves for another, by the listener's name, and its own page."""
    servers: dict[str, Any] = {NAME: {**_PLAIN, "listen": [site.bind(NAME)], "routes": _OWN}}
    for name, listener in sorted(fronted(site).items()):
        servers[f"to-{name}"] = {
            **_PLAIN,
            "listen": [site.here(listener)],
            "routes": [{"handle": [_passed_on(listener)]}],
            # Who dials an address names no host in TLS.
            "strict_sni_host": False,
            "tls_connection_policies": [_policy(site)],
        }
    return servers


def fronted(site: Site) -> dict[str, Listener]:
    """The listeners of this host that the front serves, of programs and of services."""
    every = {**site.services, **site.listeners}
    return {
        name: item
        for name, item in every.items()
        if item.fronted and item.tls and site.here(item) is not None
    }


_OWN = [
    {"handle": [{"handler": "static_response", "status_code": 200}], "match": [{"path": [HEALTH_PATH]}]},
    {"handle": [{"handler": "metrics"}], "match": [{"path": ["/metrics"]}]},
    {"handle": [{"handler": "static_response", "status_code": 404}]},
]


def _passed_on(listener: Listener) -> dict[str, Any]:
    return {
        "handler": "reverse_proxy",
        "headers": {"request": {"set": {"Host": ["{http.reverse_proxy.upstream.hostport}"]}}},
        # Not by itself, which would be undone again before it answers.
        "transport": {"compression": False, "protocol": "http"},
        "upstreams": [{"dial": listener.bind}],
    }


def _policy(site: Site) -> dict[str, Any]:
    asked = {"ca": {"pem_files": [site.ca], "provider": "file"}, "mode": "require_and_verify"}
    return {
        "certificate_selection": {"any_tag": [NAME]},
        **({"client_authentication": asked} if site.mutual else {}),
    }


def running(spec: Spec, site: Site) -> Running:
    """It needs none of those that it serves for."""
    del spec, site
    caddy = program("caddy", "caddy")
    return Running(
        command=(caddy, "run", "--config", "caddy.json"),
        environment=(("XDG_CONFIG_HOME", "{data}"), ("XDG_DATA_HOME", "{data}")),
        checks=((caddy, "validate", "--config", "caddy.json"),),
        health=Health(NAME, HEALTH_PATH),
        memory_mb=60,
    )
