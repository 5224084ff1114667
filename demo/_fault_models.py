"""The faults that can be asked for, each with its parameters and their bounds.

Bounds are there so that a demonstration cannot take down the machine it runs on.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from demo.settings import Frozen

Seconds = Annotated[float, Field(gt=0, le=3600)]
TEST_CARD = "4111111111111111"  # a published test number; it belongs to nobody


def luhn_valid(digits: str) -> bool:
    """Whether the digits carry a valid card check digit."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(value: str) -> str:
    digits = re.sub(r"[ -]", "", value)
    if not re.fullmatch(r"[0-9]{13,19}", digits) or not luhn_valid(digits):
        raise ValueError("expected 13 to 19 digits (spaces and dashes allowed) with a valid check digit")
    return digits


class Fault(Frozen):
    """What all have in common: how long it lasts. It ends by itself."""

    seconds: Seconds = 30.0


class Latency(Fault):
    """Every request takes ``ms`` longer."""

    ms: Annotated[float, Field(gt=0, le=30_000)] = 500.0


class Errors(Fault):
    """``ratio`` of the requests end in an unhandled exception, hence in a 500."""

    ratio: Annotated[float, Field(gt=0, le=1)] = 0.5


class SlowDependency(Fault):
    """Calls to one dependency take ``ms`` longer; ``call`` is payments where there is one."""

    ms: Annotated[float, Field(gt=0, le=30_000)] = 1000.0
    call: str | None = None


class LabelExplosion(Fault):
    """``shop_cart_items{user_id=...}`` appears with ``count`` series: a label that must not exist."""

    count: Annotated[int, Field(ge=1, le=100_000)] = 1000


class LogFlood(Fault):
    """``rate`` lines a second, half of them at level debug and half at info."""

    rate: Annotated[float, Field(gt=0, le=20_000)] = 200.0


class CardNumbers(Fault):
    """Every request leaks a card number into logs, spans, an event and an exception."""

    value: Annotated[str, AfterValidator(_card)] = TEST_CARD

    def forms(self) -> tuple[str, str, str]:
        """The digits alone, in groups with spaces, and in groups with dashes."""
        groups = [self.value[i : i + 4] for i in range(0, len(self.value), 4)]
        return self.value, " ".join(groups), "-".join(groups)


FAULTS: dict[str, type[Fault]] = {
    "latency": Latency,
    "errors": Errors,
    "slow-dependency": SlowDependency,
    "label-explosion": LabelExplosion,
    "log-flood": LogFlood,
    "card-numbers": CardNumbers,
}
