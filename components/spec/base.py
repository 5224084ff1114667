"""Types that every part of the spec shares."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import re2
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import CoreSchema, core_schema

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"^([1-9][0-9]{0,8})(ms|s|m|h|d|w)$")
_LONGEST_MS = 3650 * 86_400_000
"""Ten years: the engines count in nanoseconds, and rules look over several of a stack's spans."""
_SIZE = re.compile(r"^([1-9][0-9]{0,6})(KiB|MiB|GiB|TiB)$")
_LARGEST = 2**50

_RE2 = re2.Options()
_RE2.log_errors = False
_REGEX = {"type": "string", "format": "regex"}
_SIZE_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Model(BaseModel):
    """Base of the spec: frozen, so that it is shared without fear; strict, so that nothing is guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Like:
    """Text of a pattern, and the words for it, since nobody should have to read a regular expression."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        compiled = re.compile(self.pattern)

        def check(value: str) -> str:
            if not compiled.fullmatch(value):
                raise ValueError(f"expected {self.words}")
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}


class NotEmpty:
    """A list or mapping with an entry at least. Judged only when the entries are valid: pydantic's own bound
    counts the valid ones, and would tell of a wrong entry that there is none."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: Any) -> Any:
            if not value:
                raise ValueError("expected at least one entry")
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        inner = handler(schema)
        return {**inner, "minProperties" if inner.get("type") == "object" else "minItems": 1}


def _duration(value: Any) -> Any:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError("expected a whole number above 0 and a unit (ms, s, m, h, d, w), as in '15s'")
    if milliseconds(value) > _LONGEST_MS:
        raise ValueError("expected at most 3650d")
    return value


def _size(value: Any) -> Any:
    if not isinstance(value, str) or not _SIZE.fullmatch(value):
        raise ValueError("expected a whole number above 0 and a unit (KiB, MiB, GiB, TiB), as in '512MiB'")
    if size_bytes(value) > _LARGEST:
        raise ValueError("expected at most 1024TiB")
    return value


def _regex(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a regular expression")
    compile_re2(value)
    return value


def _no_template(value: str) -> str:
    if "{{" in value:
        raise ValueError("expected a label's value without '{{': Prometheus would read it as a template")
    return value


def _extraction(value: Any) -> Any:
    if not compile_re2(_regex(value)).groupindex:
        raise ValueError("expected named groups, as in '(?P<message>.*)'")
    return value


def _host_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not 1 <= int(port) <= 65535:
        raise ValueError("expected a port from 1 to 65535")
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise ValueError("expected an IPv6 address in the brackets, as in '[::1]:8000'") from None
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError(
            "expected characters that can be seen: no tab, line break or other control character"
        )
    return value


def _of_others(value: str) -> str:
    if value.startswith("obs-"):
        raise ValueError("expected no unit of the stack's own (obs-...): who reads them would read itself")
    if "@." in value:
        raise ValueError("expected an instance of the template, as in 'worker@2.service'")
    return value


def compile_re2(pattern: str) -> Any:
    """The expression as Prometheus and the collector would read it; ValueError where they would not."""
    try:
        compiled = re2.compile(pattern, _RE2)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"expected a regular expression in RE2 syntax: {reason}") from None
    names = re.findall(r"\(\?P?<(\w+)>", pattern)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"expected a regular expression in which a group's name stands once: {twice[0]}")
    return compiled


Duration = Annotated[
    str,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern, "examples": ["15s", "5m", "30d"]}),
]
"""A span of time as Prometheus writes it, with one unit; see `milliseconds`."""

Size = Annotated[
    str,
    BeforeValidator(_size),
    WithJsonSchema({"type": "string", "pattern": _SIZE.pattern, "examples": ["512MiB", "2GiB"]}),
]
"""An amount of bytes with a binary unit; see `size_bytes`."""

Regex = Annotated[str, BeforeValidator(_regex), WithJsonSchema(_REGEX)]
"""A regular expression in the RE2 syntax that Prometheus and the collector share."""

Extraction = Annotated[
    str, BeforeValidator(_extraction), WithJsonSchema({"type": "string", "format": "regex"})
]
"""A `Regex` with named groups, each of which becomes a field."""

Name = Annotated[
    str,
    Like(
        r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$",
        "lower-case letters, digits and hyphens, at most 40, first a letter, last no hyphen",
    ),
]
"""Lower-case letters, digits and hyphens, at most 40: usable as file, unit, job and index name."""

FieldName = Annotated[
    str,
    Like(
        r"^[a-z_][a-z0-9_]*(\.[a-z0-9_]+)*$",
        "a field name: lower-case letters, digits and underscores, first no digit; single dots between parts",
    ),
    StringConstraints(max_length=64),
]
"""A field of a log record; a dot leads to a field inside another."""

LabelName = Annotated[
    str,
    Like(
        r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$",
        "a label name: letters, digits and underscores, at most 64, first a letter",
    ),
]
"""A Prometheus label."""

MetricName = Annotated[
    str,
    Like(
        r"^[a-zA-Z_:][a-zA-Z0-9_:]*$",
        "a metric's name: letters, digits, underscores and colons, first no digit",
    ),
]

Text = Annotated[
    str,
    Like(r"^[^\x00-\x08\x0b-\x1f]*$", "text without control characters"),
    StringConstraints(min_length=1, max_length=1000),
]
"""Prose for people."""

LabelValue = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_no_template),
    AfterValidator(_printable),
]
"""A label's value, in any language."""

Path = Annotated[
    str,
    Like(
        r"^/[ -Z^-z|~]*$",
        "an absolute path, as in '/var/log/cart/*.log': ASCII, without brackets, braces and backslashes",
    ),
    StringConstraints(max_length=256),
]
"""An absolute file path on the host, or a glob with `*`, `**` and `?`."""

JournalUnit = Annotated[
    str,
    Like(
        r"^[A-Za-z0-9:_.\\@-]{1,240}"
        r"\.(service|socket|target|device|mount|automount|swap|timer|path|slice|scope)$",
        "a unit of systemd with its suffix, as in 'nginx.service' or 'worker@2.service'",
    ),
    AfterValidator(_of_others),
]
"""A unit of systemd whose words are in the journal; one of its own, no glob."""

UrlPath = Annotated[
    str,
    Like(
        r'^/[!"$->@-~]*$',
        "a path as in a URL, which starts with '/' and has no blanks, and no '?' or '#', which Prometheus "
        "would send as %3F or %23: let the program serve at a path of its own what the query asks for",
    ),
    StringConstraints(max_length=200),
]
"""The path of a URL, as in '/metrics'."""

Ratio = Annotated[float, Field(ge=0.0, le=1.0)]
Severity = Literal["critical", "warning", "info"]
HostPort = Annotated[
    str,
    Like(
        r"^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}$",
        "an address as in 'cart.internal:8000' or '[::1]:8000'; scheme and path have keys of their own",
    ),
    AfterValidator(_host_port),
]
"""An address, as in '127.0.0.1:8000'."""


EndpointAddress = Annotated[
    str,
    Like(
        r"^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])?:[0-9]{1,5}$",
        "an address as in 'cart.internal:8000' or '[::1]:8000', or of each of the service's hosts a port, as "
        "in ':8000'; scheme and path have keys of their own",
    ),
    AfterValidator(_host_port),
]
"""An address as in '127.0.0.1:8000', or the port of a service on each of its hosts, as in ':8000'."""


def milliseconds(duration: str) -> int:
    """A `Duration` in milliseconds."""
    match = _DURATION.match(duration)
    if match is None:
        raise ValueError(f"not a duration: {duration!r}")
    return int(match[1]) * _UNITS[match[2]]


def size_bytes(size: str) -> int:
    """A `Size` in bytes."""
    match = _SIZE.match(size)
    if match is None:
        raise ValueError(f"not a size: {size!r}")
    return int(match[1]) * _SIZE_UNITS[match[2]]


def duplicates(names: list[str]) -> list[str]:
    """The names that stand more than once, sorted."""
    return sorted({name for name in names if names.count(name) > 1})
