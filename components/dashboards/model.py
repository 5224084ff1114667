"""What a dashboard is made of. Few kinds, so that every target can show them."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["per second", "share", "seconds", "bytes", "count", "yes or no"]
"""Shares are between 0 and 1."""


@dataclass(frozen=True)
class Query:
    """PromQL, and what its lines are called: text with `{{label}}`."""

    expr: str
    legend: str
    exemplars: bool = False
    """Whether points that lead to a trace are shown with it."""


@dataclass(frozen=True)
class Graph:
    """Lines over time."""

    title: str
    why: str
    """What one sees there, and what to think of it."""
    queries: tuple[Query, ...]
    unit: Unit
    limit: float | None = None
    """Where it becomes a matter of concern."""


def graph(title: str, why: str, unit: Unit, *queries: Query, limit: float | None = None) -> Graph:
    """A graph of some queries, in the order in which one says it."""
    return Graph(title, why, queries, unit, limit)


@dataclass(frozen=True)
class Number:
    """The present value of one query, large."""

    title: str
    why: str
    query: Query
    unit: Unit
    limit: float | None = None
    least: bool = False
    """Whether `limit` is what it should not be below."""


@dataclass(frozen=True)
class Records:
    """Log records, newest first."""

    title: str
    why: str
    query: str
    """In the query language of the store (Lucene's)."""


@dataclass(frozen=True)
class Traces:
    """Traces of a service, newest first."""

    title: str
    why: str
    service: str


Panel = Graph | Number | Records | Traces


@dataclass(frozen=True)
class Row:
    """Panels beside each other."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """One page."""

    name: str
    """Its address and identity: lower case, digits and dashes."""
    title: str
    summary: str
    rows: tuple[Row, ...]
    tags: tuple[str, ...] = ()

    @property
    def queries(self) -> tuple[Query, ...]:
        """All PromQL of it."""
        found: list[Query] = []
        for row in self.rows:
            for panel in row.panels:
                if isinstance(panel, Graph):
                    found += panel.queries
                elif isinstance(panel, Number):
                    found.append(panel.query)
        return tuple(found)
