"""The stack's OpenSearch as the housekeeper sees it: how to reach it, which daily indices there are."""

import ssl
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from agents.archive import Archive
from agents.login import Login, Reader


class Kept(BaseModel):
    """One sequence of daily indices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    prefix: str
    date_format: str
    """How the day is written behind `<prefix>-`, for strptime."""
    days: int = Field(ge=1)
    """How many whole days a record stays at least."""

    def day(self, index: str) -> date | None:
        """The day of an index of this sequence, None for any other name."""
        head = f"{self.prefix}-"
        if not index.startswith(head):
            return None
        try:
            day = datetime.strptime(index[len(head) :], self.date_format).replace(tzinfo=UTC).date()
        except ValueError:
            return None
        # strptime is lenient ('2026.1.1'); a name must be written as we would write it.
        return day if f"{head}{day.strftime(self.date_format)}" == index else None

    def expired(self, index: str, today: date) -> bool:
        """Whether `index` is of this sequence and only holds what is older than `days`."""
        day = self.day(index)
        return day is not None and (today - day).days > self.days


class Settings(BaseModel):
    """`settings.json` of the housekeeper; paths are relative to the working directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    further: tuple[str, ...] = ()
    """Other nodes of the same store."""
    ca: str
    user: str
    password_file: str
    host: str
    port: int = Field(ge=1, le=65535)
    interval_seconds: float = Field(gt=0)
    retry_seconds: float = Field(gt=0)
    """How soon it tries again after a failure."""
    store_metrics: bool
    """Whether it serves OpenSearch's own numbers, too."""
    labels: dict[str, str]
    """Of the environment, on every log record."""
    indices: tuple[Kept, ...]
    archive: Archive | None = None
    """Where what is to be deleted is kept for long; None where nothing is."""
    login: Login | None = None
    """Who may scrape all; everybody who can dial it if nobody is named, here or below."""
    readers: tuple[Reader, ...] = ()
    """Who else may scrape, and what: the tenants of a store that is shared."""


class AnyNode(httpx.BaseTransport):
    """Asks the first of several nodes that can answer: one that is away, or says that it cannot, is passed
    over."""

    def __init__(self, nodes: Sequence[str], transport: httpx.BaseTransport) -> None:
        self._nodes = [httpx.URL(node) for node in nodes]
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The last node's answer, or failure, where none does better."""
        *others, last = self._nodes
        for node in others:
            try:
                answer = self._transport.handle_request(_to(node, request))
            except httpx.TransportError:
                continue
            if answer.status_code < 500:
                return answer
            answer.close()
        return self._transport.handle_request(_to(last, request))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _to(node: httpx.URL, request: httpx.Request) -> httpx.Request:
    request.url = request.url.copy_with(scheme=node.scheme, host=node.host, port=node.port)
    request.headers["Host"] = node.netloc.decode("ascii")
    return request


def connect(settings: Settings, timeout: float, as_: Archive | None = None) -> httpx.Client:
    """A client that logs in with what stands in the password's file now. OSError without that or the CA.

    All nodes together have `timeout`, so that one that is silent leaves time for the others. `as_` whom it
    logs in, if not as the housekeeper, who may not read records."""
    user, file = (as_.user, as_.password_file) if as_ else (settings.user, settings.password_file)
    password = Path(file).read_text().rstrip("\r\n")
    context = ssl.create_default_context(cafile=settings.ca)
    nodes = (settings.url, *settings.further)
    return httpx.Client(
        base_url=settings.url,
        transport=AnyNode(nodes, httpx.HTTPTransport(verify=context)),
        auth=httpx.BasicAuth(user, password),
        timeout=timeout / len(nodes),
    )


def indices(client: httpx.Client, kept: Kept) -> list[dict[str, Any]]:
    """The indices of one sequence by name, each with `index`, `docs.count` and `pri.store.size` (bytes)."""
    answer = client.get(
        f"/_cat/indices/{kept.prefix}-2*",
        params={
            "format": "json",
            "bytes": "b",
            "h": "index,docs.count,pri.store.size",
            "expand_wildcards": "all",
        },
    )
    answer.raise_for_status()
    rows: list[dict[str, Any]] = answer.json()
    return sorted((row for row in rows if kept.day(str(row["index"]))), key=lambda row: str(row["index"]))
