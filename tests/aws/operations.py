"""What can be done with a resource, on plain values: what stands between the engine and AWS in tests."""

import dataclasses
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.aws.changing import ALL, ANOTHER, CHANGE
from tests.aws.ending import END, is_gone
from tests.aws.ground import ONE_AT_A_TIME, Inputs, Made, noting
from tests.aws.making import MAKE
from tests.aws.reading import READ
from tests.aws.tagging import TAG


class Half(Exception):
    """It is there, and not whole: a call failed after the first."""

    def __init__(self, made: Made, reason: str) -> None:
        super().__init__(reason)
        self.made = made


def create(token: str, given: Inputs, tags: dict[str, str] | None = None) -> Made:
    """Its id, and what else AWS names. Half, if a call failed when there was something already, with tags,
    which the official provider gives in the first call."""
    with ONE_AT_A_TIME, noting() as begun:
        try:
            made = MAKE[token](given)
        except ClientError as error:
            if not begun:
                raise
            _tag(token, begun[-1], tags)
            raise Half(begun[-1], str(error)) from error
        _tag(token, made, tags)
        return made


def _tag(token: str, made: Made, tags: dict[str, str] | None) -> None:
    if tags and token in TAG:
        TAG[token](*made, tags)


def read(token: str, id_: str, given: Inputs) -> Inputs | None:
    """The inputs as AWS has them; None if it is gone. An input that is not set there is left out."""
    if token not in READ:
        return given
    try:
        with ONE_AT_A_TIME:
            found = READ[token](id_, given)
    except ClientError as error:
        if is_gone(error):
            return None
        raise
    if found is None:
        return None
    return {name: value for name, value in {**given, **found}.items() if value is not None}


def change(token: str, id_: str, old: Inputs, new: Inputs) -> Inputs:
    """What else AWS names after a change in place."""
    if token not in CHANGE:
        raise NotImplementedError(f"the stand-in has no change of {token} in place")
    with ONE_AT_A_TIME:
        return CHANGE[token](id_, old, new)


def end(token: str, id_: str, given: Inputs) -> None:
    """It is gone afterwards, and may have been before."""
    try:
        with ONE_AT_A_TIME:
            END[token](id_, given)
    except ClientError as error:
        if not is_gone(error):
            raise


def differing(token: str, old: Inputs, new: Inputs) -> tuple[list[str], list[str]]:
    """(inputs that differ, those of them whose change makes another one)."""
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    another = ANOTHER.get(token, frozenset())
    return changed, [name for name in changed if another is ALL or name in another]


@dataclasses.dataclass
class Failing:
    """Fails one call of AWS, once: the nth of those that are counted."""

    operation: str = ""
    """`logs:PutRetentionPolicy`; any that changes something if empty."""
    nth: int = 0
    """From 1; 0 fails none."""
    seen: int = 0
    failed: str = ""
    """Which call it was."""

    def watch(self) -> None:
        """From now on, on every client that is made after this."""
        boto3.setup_default_session()
        session: Any = boto3.DEFAULT_SESSION
        session.events.register("before-call", self)

    def __call__(self, model: Any, **_more: Any) -> None:
        name = f"{model.service_model.service_name}:{model.name}"
        # A client repeats what only reads.
        counted = name == self.operation or (
            not self.operation and not model.name.startswith(("Get", "List", "Describe", "Head"))
        )
        self.seen += counted
        if counted and self.seen == self.nth:
            self.failed = name
            error = {"Code": "ServiceUnavailable", "Message": "a failure that a test asked for"}
            raise ClientError({"Error": error}, model.name)
