"""Sites for tests."""

from components.site import Site
from components.spec import Spec
from tests import specs
from vsi.site import MERGED, local_site


def apart(spec: Spec) -> Site:
    """This machine with each program as a process of its own."""
    return local_site(spec, without=())


def at_base(port_base: int, spec: Spec | None = None, without: tuple[str, ...] = MERGED) -> Site:
    """This machine with its ports counted from `port_base`, for the demo shop unless told otherwise."""
    spec = spec or specs.spec()
    moved = spec.model_copy(update={"deploy": spec.deploy.model_copy(update={"port_base": port_base})})
    return local_site(moved, without)
