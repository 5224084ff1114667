"""The definitions of the Prometheus Operator, apart and first: so the objects of ours find them, an upgrade
of them is seen by itself, and no removal takes every rule and monitor of the cluster with it."""

from typing import Any

from components.site import Site
from components.spec import Spec


def values(spec: Spec, site: Site) -> dict[str, Any]:
    """All of them. They stay when the release goes: whoever else has an operator has such objects too."""
    del spec, site
    return {"crds": {"annotations": {"helm.sh/resource-policy": "keep"}}}
