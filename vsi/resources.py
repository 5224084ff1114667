"""What the providers of this target's resources have in common."""

import logging
from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import DiffResult, ReadResult, ResourceProvider

from vsi.inputs import MEMBERS, PROVIDER
from vsi.reach import Report

TOLD = "obs.told"
"""The logger that hears what is done."""


class InPlace(ResourceProvider):
    """A provider whose resources are changed in place, and whose outputs are their inputs. Stateless."""

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Anything that differs is an update in place. The old values are outputs: after a refresh, what
        was found on the host."""
        keys = (set(olds) | set(news)) - {PROVIDER, MEMBERS}
        return DiffResult(changes=any(olds.get(key) != news.get(key) for key in keys), replaces=[])


def outputs(props: Mapping[str, Any]) -> dict[str, Any]:
    """All inputs under their own keys: only so the engine marks the outputs of secret inputs as secret."""
    return {key: value for key, value in props.items() if key != PROVIDER}


def found_as(id_: str, planned: dict[str, Any], found: dict[str, Any]) -> ReadResult:
    """What a refresh returns: where it differs, as inputs too, so that a preview shows it and an update
    repairs it."""
    return ReadResult(id_, found) if found == planned else ReadResult(id_, found, dict(found))


def teller(part: str, host: str) -> Report:
    """Says what is done on a host for a part, by its id, to whoever listens."""

    def tell(words: str) -> None:
        logging.getLogger(TOLD).info("%s: %s", host, words, extra={"part": part})

    return tell


def tell_kept(part: str, place: str, size: int) -> None:
    """Say where the data of a part is that was removed, to whoever listens."""
    words = f"{part}: data stays in {place}"
    logging.getLogger(TOLD).info(words, extra={"part": part, "kept": (place, size)})
