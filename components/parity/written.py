"""What the files of a stack say, read back from their text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from components.inventory import PROGRAMS
from components.site import Site
from components.spec import milliseconds


@dataclass
class Written:
    """What the files of one stack say. Addresses and folders are still those of the place; `addresses` and
    `folders` say what they stand for."""

    jobs: dict[str, list["ScrapeJob"]] = field(default_factory=dict)
    """By name; several where a target asks each kind of program apart."""
    store: dict[str, Any] = field(default_factory=dict)
    """What Prometheus itself is told."""
    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """File -> its groups."""
    documents: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Program -> path -> its texts, one for each place that has the program."""
    addresses: dict[str, dict[str, str]] = field(default_factory=dict)
    """Program -> `host:port` -> what the canonical form has in its place; '' for all programs."""
    folders: list[tuple[str, str]] = field(default_factory=list)
    """Regular expressions of folders and files, and what stands for them."""

    def add(self, program: str, path: str, text: str) -> None:
        """A file that a program reads in one of its places."""
        self.documents.setdefault(program, {}).setdefault(path, []).append(text)


@dataclass
class ScrapeJob:
    """One scrape job as Prometheus carries it out, with the words of its own configuration."""

    interval: str
    timeout: str
    path: str
    scheme: str
    honor: tuple[bool, bool]
    """Labels, timestamps."""
    fallback: str
    limits: tuple[int, int, int]
    """Samples, labels, length of a label's value."""
    labels: dict[str, str]
    targets: set[str]
    drops: list[str]
    """Labels of which a series may have none."""
    relabel: list[dict[str, Any]]
    """Further rules for targets and series."""
    username: str = ""
    password: str = ""
    tls: dict[str, str] = field(default_factory=dict)
    place_labels: dict[str, set[str]] = field(default_factory=dict)
    """Labels that only some of its targets have, of the place where they are."""

    def said(self) -> dict[str, Any]:
        """For the canonical form."""
        found: dict[str, Any] = {
            "interval": milliseconds(self.interval),
            "timeout": milliseconds(self.timeout),
            "path": self.path,
            "scheme": self.scheme,
            "honor_labels": self.honor[0],
            "honor_timestamps": self.honor[1],
            "fallback_scrape_protocol": self.fallback,
            "sample_limit": self.limits[0],
            "label_limit": self.limits[1],
            "label_value_length_limit": self.limits[2],
            "labels": self.labels,
            "drops": sorted(set(self.drops)),
            "relabel": self.relabel,
            "login": self.username and f"{self.username}, {self.password}",
            "tls": self.tls,
            "place": {name: sorted(values) for name, values in self.place_labels.items()},
        }
        return {key: value for key, value in found.items() if value not in ("", [], {})}


def addresses_of(site: Site) -> dict[str, dict[str, str]]:
    """Under which addresses programs of a place that is one site are reached; and for each program where it
    listens itself."""
    everywhere = {
        address: f"{{{name}}}"
        for name, listener in {**site.listeners, **site.services}.items()
        for address in listener.dial
    }
    found = {"": everywhere}
    for row in PROGRAMS:
        binds = [socket.name for socket in row.sockets if site.has(socket.name)]
        found[row.name] = {site.bind(name): f"{{{name}}}" for name in binds}
    return found | {name: {item.bind: f"{{{name}}}"} for name, item in site.services.items()}


def drops_of(rules: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    """Of `metric_relabel_configs`: the labels that a series may not have, and all other rules."""
    drops: list[str] = []
    others: list[dict[str, Any]] = []
    for rule in rules:
        source = rule.get("source_labels", [])
        if rule == {"source_labels": source, "regex": ".+", "action": "drop"} and len(source) == 1:
            drops += source
        else:
            others.append(dict(rule))
    return drops, others


def load(text: str) -> Any:
    """YAML or JSON as data."""
    return yaml.load(text, Loader=yaml.CSafeLoader)
