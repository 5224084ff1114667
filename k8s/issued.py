"""Certificates that cert-manager makes of an issuer which the stack file names, in place of the stack's own
authority: an object for each, and beside it the Secret that pods read."""

import ipaddress
from collections.abc import Iterable, Mapping

from components.plan import Pillar
from components.spec import Spec
from k8s import names
from k8s.authority import LIFE
from k8s.objects import identity, manifest
from k8s.parts import Manifest

USES = ["digital signature", "key encipherment", "server auth", "client auth"]


def certificate_parts(spec: Spec, named: Mapping[str, Iterable[str]]) -> list[Manifest]:
    """One for each certificate; `named`: all that each is good for beside its own name. As our own authority
    would make them: the store knows its nodes and its administrator by these very subjects."""
    signer = spec.kubernetes.certificates
    found: list[Manifest] = []
    for name, more in named.items():
        forms = list(dict.fromkeys((name, *more)))
        addresses = [form for form in forms if _is_address(form)]
        body = {
            "spec": {
                "secretName": names.issued(name),
                "secretTemplate": {"labels": names.part_of(spec)},
                "commonName": name,
                "subject": {"organizations": ["obs"]},
                "dnsNames": [form for form in forms if form not in addresses],
                **({"ipAddresses": addresses} if addresses else {}),
                # Programs read them at their start, so they last; an issuer may give less.
                "duration": f"{int(LIFE.total_seconds()) // 3600}h0m0s",
                "privateKey": {"algorithm": "RSA", "encoding": "PKCS8", "size": 2048},
                "usages": USES,
                "issuerRef": {"group": "cert-manager.io", "kind": signer.kind, "name": signer.issuer},
            }
        }
        found.append(manifest(spec, Pillar.LOGGING, "Certificate", names.issued(name), body))
    return found


def holders(spec: Spec, files: Iterable[str]) -> list[str]:
    """Ids of the parts that bring the Secrets with these files."""
    kind = "Secret" if spec.kubernetes.certificates.issuer is None else "Certificate"
    held = dict.fromkeys(names.certificate(spec, file)[0] for file in files)
    return [identity(spec, kind, secret) for secret in held]


def _is_address(form: str) -> bool:
    try:
        ipaddress.ip_address(form)
    except ValueError:
        return False
    return True
