"""TLS in the words of the Prometheus Operator, which copies what it names of a Secret into what it makes.

Nobody is asked for a certificate over HTTP: neither the probes of a node nor the reloader that the operator
puts beside each program can show one, nor know a password (docs/adr/0029-tls-of-prometheus.md). Alertmanagers
among themselves ask each other.
"""

from typing import Any

from components.spec import Spec
from k8s import names
from k8s.site import service_of


def served(spec: Spec, program: str) -> dict[str, Any]:
    """`web` of a program that speaks TLS: its own certificate."""
    return {"web": {"tlsConfig": _own(spec, program)}}


def dialled(spec: Spec, program: str) -> dict[str, Any]:
    """How that program is asked. Who asks knows pods by their addresses, which no certificate names."""
    trusted = {"ca": _secret(spec, names.AUTHORITY), "serverName": service_of(program)}
    return {"scheme": "https", "tlsConfig": trusted}


def among_themselves(spec: Spec, program: str) -> dict[str, Any]:
    """`clusterTLS` of several that talk to each other: each shows its certificate, and asks for one."""
    own, authority = _own(spec, program), _secret(spec, names.AUTHORITY)
    asked = {"client_ca": authority, "clientAuthType": "RequireAndVerifyClientCert"}
    trusted = {"ca": authority, "serverName": service_of(program)}
    return {"clusterTLS": {"server": {**own, **asked}, "client": {**own, **trusted}}}


def _own(spec: Spec, program: str) -> dict[str, Any]:
    return {"cert": _secret(spec, f"{program}.pem"), "keySecret": _key(spec, f"{program}.key")}


def _secret(spec: Spec, file: str) -> dict[str, Any]:
    return {"secret": _key(spec, file)}


def _key(spec: Spec, file: str) -> dict[str, str]:
    secret, key = names.certificate(spec, file)
    return {"name": secret, "key": key}
