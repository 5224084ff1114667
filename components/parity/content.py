"""The canonical form of what is written: aspect -> path -> value, without a place's addresses and folders."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from components.parity.written import ScrapeJob, Written, load

Content = dict[str, dict[str, str]]

ASPECTS = (
    "scrape jobs",
    "rules",
    "routes",
    "pipelines",
    "sampling",
    "redaction",
    "retention",
    "store",
    "programs",
)
"""In the order in which people read them. `store`: what the store of logs and traces is told; `programs`: the
settings of services and of the small programs."""

_OF_PROGRAM = {
    "alertmanager": "routes",
    "collector": "pipelines",
    "collector-agent": "pipelines",
    "housekeeper": "retention",
    "jaeger": "pipelines",
    "opensearch": "store",
}
_OF_PATH = (
    (re.compile(r"(^|/)(head_sampling|sampling|processors/keep)(/|$)"), "sampling"),
    (re.compile(r"(^|/)processors/(scrub|transform/spans)(/|$)"), "redaction"),
    (re.compile(r"(^|/)retention(/|$)"), "retention"),
)
"""What of a document is of another aspect than the rest."""

_KEYS = ("name", "alert", "record", "context", "kind", "key")
"""By which of its settings one item of a list is told from the others."""

_SETS = ("exporters", "extensions", "receivers")
"""Lists whose order says nothing."""


_ADDRESS = re.compile(r"(?:\[[0-9a-f:]+\]|[\w.-]+):\d+")


def content(written: Written) -> Content:
    """The canonical form."""
    found: Content = {aspect: {} for aspect in ASPECTS}
    named = _named(written, "")
    for name, jobs in written.jobs.items():
        for number, job in enumerate(_variants(jobs)):
            here = f"{name} ({number + 1})" if number else name
            targets = sorted({named(target) for target in job.targets})
            _put(found, "scrape jobs", here, {**job.said(), "targets": targets}, named)
    _put(found, "scrape jobs", "all jobs", written.store, named)
    for file, groups in written.rules.items():
        _put(found, "rules", file, groups, named)
    for program, documents in written.documents.items():
        aspect = _OF_PROGRAM.get(program, "programs")
        for path, texts in documents.items():
            _put(found, aspect, f"{program}/{path}", _data(path, texts), _named(written, program))
    return found


def _variants(jobs: list[ScrapeJob]) -> list[ScrapeJob]:
    """Jobs of one name: one where they differ by nothing but what is asked."""
    kept: list[ScrapeJob] = []
    for job in jobs:
        same = next((one for one in kept if one.said() == job.said()), None)
        if same:
            same.targets |= job.targets
        else:
            kept.append(job)
    return kept


def _data(path: str, texts: list[str]) -> Any:
    """What the places that have a document say together."""
    if not path.endswith((".yaml", ".yml", ".json")):
        return "\n".join(dict.fromkeys(texts))
    read = json.loads if path.endswith(".json") else load
    data = read(texts[0])
    for text in texts[1:]:
        data = _merged(data, read(text))
    return data


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _merged(one[key], other[key])
            if key in one and key in other
            else one.get(key, other.get(key))
            for key in {**one, **other}
        }
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(item for item in other if item not in one)]
    return one if one == other else f"{one} | {other}"


def _put(found: Content, aspect: str, here: str, data: Any, named: Callable[[str], str]) -> None:
    for path, value in _flat(data, here):
        of_aspect = aspect
        if aspect in ("pipelines", "programs", "scrape jobs"):
            of_aspect = next((other for pattern, other in _OF_PATH if pattern.search(path)), aspect)
        found[of_aspect][path] = named(value)


def _named(written: Written, program: str) -> Callable[[str], str]:
    """What puts the name of a thing in the place of what it is called where the stack stands."""
    addresses = {**written.addresses.get("", {}), **written.addresses.get(program, {})}
    folders = [(re.compile(pattern), name) for pattern, name in written.folders]

    def named(text: str) -> str:
        text = _ADDRESS.sub(lambda found: addresses.get(found[0], found[0]), text)
        for pattern, name in folders:
            text = pattern.sub(name, text)
        return text

    return named


def _flat(data: Any, here: str) -> Iterator[tuple[str, str]]:
    """Each single value under its path. A list of plain values is one."""
    if isinstance(data, dict):
        if "host" in data and "port" in data:
            data = {**data, "listens": f"{data['host']}:{data['port']}"}
            del data["host"], data["port"]
        for key, value in data.items():
            yield from _flat(value, f"{here}/{key}")
        if not data:
            yield here, "{}"
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        names = [_name(item) for item in data]
        seen: Counter[str] = Counter()
        for position, (name, item) in enumerate(zip(names, data, strict=True), 1):
            seen[name] += 1
            times = f" ({seen[name]})" if names.count(name) > 1 else ""
            yield from _flat(item, f"{here}/{name}{times}" if name else f"{here}/{position}")
        if any(names):
            yield f"{here}/order", ", ".join(names)
    else:
        if isinstance(data, list) and here.rpartition("/")[2] in _SETS:
            data = sorted(data)
        yield here, data if isinstance(data, str) else json.dumps(data, sort_keys=True, ensure_ascii=False)


def _name(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    return next((str(item[key]) for key in _KEYS if isinstance(item.get(key), str)), "")
