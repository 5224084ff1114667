"""The logging pillar: the schema, what is done to each line, and how it is kept."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from components.spec.base import (
    Duration,
    Extraction,
    FieldName,
    HostPort,
    JournalUnit,
    Like,
    Model,
    Name,
    Path,
    Ratio,
    Regex,
    Size,
    compile_re2,
    duplicates,
    milliseconds,
    size_bytes,
)

CORE_FIELDS = (
    "timestamp",
    "log_level",
    "message",
    "service",
    "trace_id",
    "span_id",
    "transaction_id",
    "env",
    "cluster",
)
"""What every stored record has a place for; the suite's correlation rests on these."""

SMALLEST_BUFFER = "64MiB"
"""What is read from a file at once (100 of the longest lines) must fit, or reading would wait for ever."""


class SchemaField(Model):
    """A further field of the schema, beside the core ones."""

    name: FieldName
    type: Literal["keyword", "text", "long", "double", "boolean", "date", "ip"]


class Multiline(Model):
    """How a record of several lines is found, such as a stack trace; without it, each line is a record."""

    start_pattern: Regex
    """Found in the first line of a record and in no other, as in `^\\d{4}-\\d{2}-\\d{2}` or `^\\S`."""
    max_lines: Annotated[int, Field(ge=2, le=10_000)] = 500
    """A longer record becomes several."""
    max_wait: Duration = "5s"
    """A record is ended when no further line came for so long."""

    @field_validator("start_pattern")
    @classmethod
    def _begins_not_every_line(cls, value: str) -> str:
        if compile_re2(value).search("") is not None:
            raise ValueError(
                "expected a `start_pattern` that does not match the empty text, which every line has"
            )
        return value

    @field_validator("max_wait")
    @classmethod
    def _soon(cls, value: str) -> str:
        if milliseconds(value) > 60_000:
            raise ValueError("expected at most 60s: the last record of a file is stored so much later")
        return value


class Input(Model):
    """Log files of this host, or messages in its journal, that belong to no service of the stack."""

    name: Name
    path: Path | None = None
    """File or glob, absolute; this or `journal`."""
    journal: JournalUnit | None = None
    """In place of `path`: a unit of systemd, as in 'nginx.service', whose messages in the journal are the
    lines. Of `text` without `multiline`, time and level are the journal's."""
    format: Literal["json", "regex", "text"] = "text"
    pattern: Extraction | None = None
    """For `regex`: an expression with named groups."""
    multiline: Multiline | None = None
    """How a record of several lines begins."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.format == "regex") != (self.pattern is not None):
            raise ValueError("expected `pattern` with format 'regex' and only there")
        if (self.path is None) == (self.journal is None):
            raise ValueError("expected `path` or `journal`, one of the two: where its lines are read")
        return self


class Redaction(Model):
    """What is blotted out of every log record, span and metric before it leaves the collector."""

    name: Name
    pattern: Regex | None = None
    """What to look for; may be left out with `check: card`, which then finds cards in all usual groupings."""
    check: Literal["luhn", "card"] | None = None
    """What the digits of a match must hold beside: `luhn`, a valid check digit; `card`, also the first digits
    and the length of a card's issuer."""
    replacement: Annotated[
        str,
        Like(
            r"^[A-Za-z0-9_*\[\] .:-]{0,40}$",
            "at most 40 ASCII letters, digits, blanks, and of '_*[].:-'",
        ),
    ] = "[redacted]"

    @model_validator(mode="after")
    def _takes_something_away(self) -> Self:
        if self.pattern is None:
            if self.check != "card":
                raise ValueError("expected a `pattern`, or `check: card`, which needs none")
            return self
        if compile_re2(self.pattern).search("") is not None:
            raise ValueError("expected a `pattern` that does not match the empty text, which is everywhere")
        if self.check is not None and not _may_match_digits(self.pattern):
            raise ValueError(
                f"expected a `pattern` that can match digits, as `check: {self.check}` adds them up; "
                "this one would never match"
            )
        return self


def _may_match_digits(pattern: str) -> bool:
    """Whether there may be a digit in a match: False only where that is certain."""
    # Numbers of repetition and names of groups stand for no characters.
    rest = re.sub(r"\\x(?!3[0-9])[0-9A-Fa-f]{2}", "A", pattern)
    rest = re.sub(r"(?<!\\)\{\d*,?\d*\}|\(\?P?<\w+>", "", rest)
    return re.search(r"[0-9.]|\\[dwSDWxpPC]|\[\^|\[:\^?\w+:\]|\[[^\]]*[!-/]-[:-~]", rest) is not None


class LogSampling(Model):
    """The share of records that is kept, by level. Warnings and errors are always kept."""

    debug: Ratio = 1.0
    info: Ratio = 1.0


class Buffer(Model):
    """The queue on disk between reading and storing; when it is full, reading waits."""

    size: Size = "512MiB"
    flush_interval: Duration = "1s"
    batch: Annotated[int, Field(ge=1, le=50_000)] = 2_000
    """Records in one bulk request."""

    @field_validator("size")
    @classmethod
    def _takes_what_is_read_at_once(cls, value: str) -> str:
        if size_bytes(value) < size_bytes(SMALLEST_BUFFER):
            raise ValueError(f"expected at least {SMALLEST_BUFFER}: the lines that are read at once must fit")
        return value


class Index(Model):
    """One index a day, named `<prefix>-YYYY.MM.DD` after the record's own time."""

    prefix: Name = "logs"
    shards: Annotated[int, Field(ge=1, le=100)] = 1
    replicas: Annotated[int, Field(ge=0, le=10)] = 1
    refresh_interval: Duration = "5s"


Tenant = Annotated[str, Like(r"^[a-z0-9]{1,32}$", "at most 32 small letters and digits, no hyphen")]
"""A stack that keeps its data in another's store. No hyphen, so that no name begins as another's indices."""


class Store(Model):
    """One OpenSearch for several stacks. Each is a tenant, with users and roles of its own there, which reach
    no index but its own. What is kept, and for how long, says the store's own stack, for all of them."""

    shared: bool = False
    """Of a template: whether the heads of a cohort share one (`obs cohort`)."""
    tenants: tuple[Tenant, ...] = ()
    """The stack is a store, and nothing else, of these."""
    address: HostPort | None = None
    """Address of the store of another stack, in place of an own one; it speaks TLS."""
    housekeeper: HostPort | None = None
    """Where that store's housekeeper tells how the store is."""
    tenant: Tenant | None = None
    """What this stack is called there. `logging.index.prefix` and `tracing.storage.index_prefix` begin with
    it."""


class Logging(Model):
    """From a line in a file to a record that can be found."""

    fields: tuple[SchemaField, ...] = ()
    """Fields beside the core ones; a field that is not named here is stored but not indexed."""
    inputs: tuple[Input, ...] = ()
    otlp: bool = True
    """Whether the receivers of `tracing.otlp` take log records as well, into the same index."""
    enrichment: dict[FieldName, Annotated[str, StringConstraints(min_length=1, max_length=200)]] = {}
    """Fields put on every record, beside env, cluster, region and team."""
    redaction: tuple[Redaction, ...] = ()
    sampling: LogSampling = LogSampling()
    buffer: Buffer = Buffer()
    index: Index = Index()
    store: Store = Store()
    retention: Duration = "14d"
    """Whole days; older indices are deleted."""

    @field_validator("retention")
    @classmethod
    def _whole_days(cls, value: str) -> str:
        return _days(value)

    @field_validator("fields")
    @classmethod
    def _no_core_field(cls, value: tuple[SchemaField, ...]) -> tuple[SchemaField, ...]:
        core = [field.name for field in value if field.name in CORE_FIELDS]
        if core:
            raise ValueError(f"expected no core field here; {', '.join(core)} is always in the schema")
        twice = duplicates([field.name for field in value])
        if twice:
            raise ValueError(f"expected each field once; {', '.join(twice)} stands twice")
        return value

    @field_validator("enrichment")
    @classmethod
    def _enriches_no_core_field(cls, value: dict[str, str]) -> dict[str, str]:
        core = [name for name in value if name in CORE_FIELDS]
        if core:
            raise ValueError(f"expected no core field here; {', '.join(core)} comes from the record itself")
        return value


def _days(value: str) -> str:
    if value[-1] not in "dw":
        raise ValueError("expected whole days or weeks, as in '14d'")
    return value
