"""Values of the secrets that come from outside the target: whether they are there and fit for what uses them.

None is shown."""

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from components.plan import Plan, Secret
from components.spec import Spec
from components.spec.problem import MISSING, AsWritten, Problem, Refused

URL = "a receiver's URL, as in 'https://hooks.example/T0/B0/x'"
ROUTING_KEY = "PagerDuty's routing key, 32 letters and digits"
TEXT = "a value"


def check(spec: Spec, plan: Plan, config: Mapping[str, str | None] | None = None) -> None:
    """Refused with everything that is wrong with the values, in the order of their names.

    Those in the stack's configuration are judged only where `config` (key -> value) has them: `obs` itself
    does not decrypt them, the program does."""
    needs = _needs(spec)
    found = [_problem(secret, needs.get(secret.name, TEXT), plan.stack, config) for secret in plan.secrets]
    if problems := [problem for problem in found if problem]:
        raise Refused(problems)


def _needs(spec: Spec) -> dict[str, str]:
    """Name of a secret -> what its receivers need it to be."""
    return {
        receiver.secret: ROUTING_KEY if receiver.kind == "pagerduty" else URL
        for receiver in spec.alerting.receivers
        if receiver.secret is not None
    }


def _problem(
    secret: Secret, need: str, stack: str, config: Mapping[str, str | None] | None
) -> Problem | None:
    if secret.source == "environment":
        value, where = os.environ.get(secret.key), f"the environment variable {secret.key}"
        what_to_do = ""
    elif secret.source == "config" and config is not None:
        value, where = config.get(secret.key), f"obs:{secret.key} of the stack's configuration"
        what_to_do = f"Run: pulumi config set --secret obs:{secret.key} -s {stack}"
    else:
        return None
    if value is None:
        expected = f"expected {need}, in {where}, which is not set"
    elif not value.strip():
        expected = f"expected {need}, in {where}, which is set but empty"
    elif not _fits(value.strip(), need):
        expected = f"expected {need}, in {where}; what it holds is none (not shown)"
    else:
        return None
    return Problem((AsWritten(f"secret {secret.name}"),), MISSING, expected, what_to_do)


def _fits(value: str, need: str) -> bool:
    if need == ROUTING_KEY:
        return re.fullmatch(r"[A-Za-z0-9]{32}", value) is not None
    if need != URL:
        return True
    try:
        parts = urlsplit(value)
        _ = parts.port  # ValueError for one that is no number
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", value)
    )
