"""Sites for tests."""

from components.site import Site
from components.spec import Spec
from tests import specs
from vsi.site import local_site


def at_base(port_base: int, spec: Spec | None = None) -> Site:
    """This machine with its ports counted from `port_base`, for the demo shop unless told otherwise."""
    spec = spec or specs.spec()
    return local_site(
        spec.model_copy(update={"deploy": spec.deploy.model_copy(update={"port_base": port_base})})
    )
