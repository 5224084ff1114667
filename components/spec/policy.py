"""Exceptions that a stack takes from the checks of `obs preview --all`, each with a reason and an end."""

from typing import Annotated, Literal, Self

from pydantic import model_validator
from pydantic.functional_validators import AfterValidator

from components.spec.base import Like, Model, Text

Check = Literal[
    "alert-without-owner",
    "image-not-pinned",
    "limit-missing",
    "loses-data",
    "public-endpoint",
    "retention-too-short",
    "secret-in-plain",
    "tag-missing",
    "wildcard-permission",
]
"""What is judged; docs/previews.md says why, and what passes."""

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _date(value: str) -> str:
    year, month, day = map(int, value.split("-"))
    leap = year % 4 == 0 and (year % 100 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] or (month == 2 and day == 29 and not leap):
        raise ValueError("expected a day of the calendar, as in '2027-01-31'")
    return value


Day = Annotated[str, Like(r"^20\d\d-\d\d-\d\d$", "a date, as in '2027-01-31'"), AfterValidator(_date)]
"""A day, written so that text order is the order of days."""


class Waiver(Model):
    """One check that does not count for this stack, for a while."""

    name: Check
    reason: Text
    """Why it may be so, for whoever reads the report."""
    expires: Day
    """The last day on which it holds; afterwards the check counts again."""
    where: Text | None = None
    """The setting or the part that it is for, as the report names it, with `*` for any characters; everything
    that this check finds if absent."""


class Policy(Model):
    """What this stack is excused from. It changes no plan: only what `obs preview --all` says of one."""

    waivers: tuple[Waiver, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen = [(waiver.name, waiver.where) for waiver in self.waivers]
        if twice := next((pair for pair in seen if seen.count(pair) > 1), None):
            name, where = twice
            raise ValueError(
                f"expected one waiver of '{name}'{f' for {where!r}' if where else ''}, found more"
            )
        return self


__all__ = ["Check", "Policy", "Waiver"]
