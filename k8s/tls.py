"""TLS in the words of the Prometheus Operator, which copies what it names of a Secret into what it makes.

Nobody is asked for a certificate over HTTP: neither the probes of a node nor the reloader that the operator
puts beside each program can show one, nor know a password (docs/adr/0029-tls-of-prometheus.md). Alertmanagers
among themselves ask each other.
"""

from typing import Any

from k8s import names
from k8s.site import service_of


def served(program: str) -> dict[str, Any]:
    """`web` of a program that speaks TLS: its own certificate."""
    return {"web": {"tlsConfig": _own(program)}}


def dialled(program: str) -> dict[str, Any]:
    """How that program is asked. Who asks knows pods by their addresses, which no certificate names."""
    return {"scheme": "https", "tlsConfig": {"ca": _secret("ca.pem"), "serverName": service_of(program)}}


def among_themselves(program: str) -> dict[str, Any]:
    """`clusterTLS` of several that talk to each other: each shows its certificate, and asks for one."""
    own = _own(program)
    asked = {"client_ca": _secret("ca.pem"), "clientAuthType": "RequireAndVerifyClientCert"}
    trusted = {"ca": _secret("ca.pem"), "serverName": service_of(program)}
    return {"clusterTLS": {"server": {**own, **asked}, "client": {**own, **trusted}}}


def _own(program: str) -> dict[str, Any]:
    return {"cert": _secret(f"{program}.pem"), "keySecret": _key(f"{program}.key")}


def _secret(key: str) -> dict[str, Any]:
    return {"secret": _key(key)}


def _key(key: str) -> dict[str, str]:
    return {"name": names.CERTIFICATES, "key": key}
