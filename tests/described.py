"""Specs of tests as they are described, for tests of what differs between two."""

from components.review.described import Described
from components.spec import Spec
from obs.previews.describing import as_data
from targets import plan


def described(spec: Spec, stack: str = "test") -> Described:
    """The description of a spec and its plan."""
    return Described.model_validate(as_data(spec, plan(spec, stack)))
