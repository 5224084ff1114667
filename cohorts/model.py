"""The model of a cohort file: who takes part, which stack each gets, where, how much, until when."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from components.spec.base import Duration, Like, Model, Name, NotEmpty, Size, Text, milliseconds, size_bytes
from components.spec.servers import Address, HostKey, Port, User

WIDTH = 200
"""Ports of one head: a stack counts its programs' from its base, its services' from 100 to 199 above it."""
BUILT = ("local", "vsi", "aws")
"""Targets on which cohorts can be made today."""


def _address(value: str) -> str:
    name, at, domain = value.rpartition("@")
    labels = domain.split(".")
    fits = (
        at and name and "@" not in name and len(labels) > 1 and all(labels) and len(value) <= 254
    ) and not re.search(r"[\s\x00-\x1f\x7f<>,;\"()\\]", value)
    if not (fits and value.isprintable() and not name.startswith(".") and not name.endswith(".")):
        raise ValueError("expected one e-mail address, as in 'ana@example.org', without a name or brackets")
    return value


def _visible(value: str) -> str:
    if not value.isprintable() or not value.strip() or value != value.strip():
        raise ValueError("expected a name of characters that can be seen, with no blank at its ends")
    return value


def _moment(value: Any) -> Any:
    found: datetime | None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise ValueError(
            "expected a point in time with its offset, in quotes, as in '2026-12-05T18:00:00+01:00'"
        )
    return found


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A point in time that is the same everywhere."""


class Server(Model):
    """A participant's host in the place of one of the template's."""

    address: Address
    port: Port | None = None
    user: User | None = None
    host_keys: tuple[HostKey, ...] = ()


class Person(Model):
    """A participant. Who it is says the e-mail: names may be alike, and may change."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_visible)]
    email: Annotated[str, AfterValidator(_address)]
    team: Name | None = None
    """A group within the cohort, by which commands can choose (`--team`)."""
    hosts: dict[Name, Server] = {}
    """On servers: host of the template -> the participant's own."""

    @property
    def key(self) -> str:
        """What one participant is known by, whatever else of the row changes."""
        return self.email.casefold()


class Ports(Model):
    """Ports of the target that the cohort may use, both ends included."""

    first: Annotated[int, Field(ge=1024, le=65535)] = 23000
    last: Annotated[int, Field(ge=1024, le=65535)] = 32767

    @model_validator(mode="after")
    def _room(self) -> "Ports":
        if self.last - self.first + 1 < WIDTH:
            raise ValueError(
                f"expected first and last at least {WIDTH - 1} apart: each head has {WIDTH} ports"
            )
        return self


class Quotas(Model):
    """What is set aside for each head. `plan` counts with it; `status` tells who uses more."""

    memory: Size | None = None
    """Unless given, what the template's programs are expected to use."""
    disk: Size = "3GiB"


class Cohort(Model):
    """A cohort file, whole."""

    name: Annotated[
        str,
        Like(
            r"^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$",
            "lower-case letters, digits and hyphens, at most 16, first a letter, last no hyphen",
        ),
    ]
    """Part of the name of each head's stack."""
    template: Name
    """The stack whose file each head gets a copy of, with a name and ports of its own."""
    target: Literal["local", "vsi", "kubernetes", "aws"]
    expires: Moment
    """When `obs cohort expire` takes it down."""
    warn: Duration = "24h"
    """How long before that it warns."""
    ports: Ports = Ports()
    quotas: Quotas = Quotas()
    access: Text | None = None
    """How participants get to the machine, for their handouts, as in 'ssh train@lab.example.org'."""
    parallel: Annotated[int, Field(ge=1, le=16)] = 2
    """How many heads are made or taken down at a time."""
    roster: Annotated[tuple[Person, ...], NotEmpty()]

    @property
    def disk_mb(self) -> int:
        """What is set aside on disk for a head, in MiB."""
        return size_bytes(self.quotas.disk) // 2**20

    @property
    def warn_seconds(self) -> int:
        """`warn` in seconds."""
        return milliseconds(self.warn) // 1000
