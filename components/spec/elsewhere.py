"""Sections of a stack file for the place of one target, which all others refuse in the same words."""

from components.spec import Spec
from components.spec.aws import Aws
from components.spec.base import Model
from components.spec.kubernetes import Kubernetes
from components.spec.problem import MISSING, AsWritten, Problem
from components.spec.references import read_at
from components.spec.servers import Servers

_SECTIONS: dict[type[Model], tuple[str, str]] = {
    Aws: ("no account of AWS", "it"),
    Kubernetes: ("no cluster", "it"),
    Servers: ("no servers", "them"),
}
"""What is expected of a stack that goes elsewhere."""


def shared_store(spec: Spec, why: str) -> list[Problem]:
    """The sharing of a store, where a target cannot do that; `why` names the target."""
    return [
        Problem(
            ("logging", "store", name), AsWritten(str(value)), f"expected none: {why} has a store of its own"
        )
        for name, value in spec.logging.store
        if name != "shared" and value
    ]


def journals(spec: Spec, why: str) -> list[Problem]:
    """Log sources in a host's journal, where a target reads none; `why` names the target."""
    expected = f"expected none: {why}, and no journal of a host; take it out"
    return [Problem(path, unit, expected) for path, unit in read_at(spec, "journal")]


def sections_elsewhere(spec: Spec, own: type[Model] | None, why: str) -> list[Problem]:
    """Each section but a target's own one (None if it has none) in which something is said; `why` names the
    target and where it goes."""
    found: list[Problem] = []
    for name, field in Spec.model_fields.items():
        kind = next((kind for kind in _SECTIONS if field.annotation is kind), None)
        if kind and kind is not own and getattr(spec, name) != kind():
            expected, it = _SECTIONS[kind]
            found.append(Problem((name,), MISSING, f"expected {expected}: {why}; take {it} out"))
    if own is not None and spec.deploy.loopback != "open":
        expected = f"expected open: target {spec.environment.target} uses no loopback of this machine"
        found.append(Problem(("deploy", "loopback"), spec.deploy.loopback, expected))
    if own is not Kubernetes:
        for index, secret in enumerate(spec.secrets):
            if secret.source == "kubernetes":
                expected = f"expected environment or config: {why}; no Secret of a cluster is there"
                found.append(Problem(("secrets", index, "source"), secret.source, expected))
    return found
