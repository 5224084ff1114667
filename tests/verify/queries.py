"""As much of the query languages of Prometheus and OpenSearch as the checks use."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def matcher(selector: str) -> Callable[[dict[str, str]], bool]:
    """A Prometheus selector, without functions."""
    found = re.fullmatch(r"([a-zA-Z_:][\w:]*)?(?:\{(.*)\})?", selector)
    if found is None:
        raise ValueError(selector)
    wanted = [(label, op, value) for label, op, value in re.findall(r'(\w+)(=~|=)"([^"]*)"', found[2] or "")]
    if found[1]:
        wanted.append(("__name__", "=", found[1]))

    def matches(labels: dict[str, str]) -> bool:
        return all(
            labels.get(label, "") == value if op == "=" else re.fullmatch(value, labels.get(label, ""))
            for label, op, value in wanted
        )

    return matches


def labels_of(series: str) -> dict[str, str]:
    """The labels of a series as Prometheus writes it."""
    return {"__name__": series.partition("{")[0], **dict(re.findall(r'(\w+)="([^"]*)"', series))}


def matches_query(query: Json, document: Json) -> bool:
    """The part of OpenSearch's query language that the checks use."""
    ((kind, body),) = query.items()
    if kind == "bool":
        return all(matches_query(item, document) for item in body["filter"])
    if kind == "query_string":
        return body["query"].strip('"') in json.dumps(document)
    ((field, wanted),) = body.items()
    value = document.get(field)
    if kind == "term":
        return bool(value == wanted)
    if kind == "terms":
        return value in wanted
    if kind == "range":
        if isinstance(value, str):
            value = int(datetime.fromisoformat(value[:26].rstrip("Z") + "+00:00").timestamp() * 1000)
        bounds = {k: v for k, v in wanted.items() if k in ("gte", "lt") and not str(v).startswith("now")}
        return all(value >= v if k == "gte" else value < v for k, v in bounds.items())
    raise ValueError(kind)
