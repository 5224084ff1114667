"""Writes the handouts of heads that are up: a page each, and beside it what one logs in with."""

import os
from collections.abc import Mapping
from pathlib import Path

from cohorts import record
from cohorts.grounds import GROUNDS
from cohorts.handout import Login, Sheet, credentials, curl, page
from cohorts.record import Entry, Record
from components.inventory import BY_NAME, PROGRAMS
from components.site import LOGIN
from components.target import Access
from obs.describe import describe
from obs.errors import ObsError
from obs.outputs import outputs_of
from obs.paths import state_folder, writing
from obs.where import where
from targets import target_of

READER = "pages"
"""The program whose user of OpenSearch reads logs and nothing more."""


def handout(known: Record, entry: Entry) -> Path:
    """Write the handout of a head; the page's path. ObsError if the head is not up, or cannot be asked."""
    stack = known.stack(entry)
    folder = record.head_folder(state_folder(), stack)
    if folder is None or entry.state != "up":
        raise ObsError(
            f"{stack}: it is not up, so it has no handout yet. Run: obs cohort create {known.file}"
        )
    spec, plan = describe(stack)
    kind = target_of(spec).heads
    if kind and (found := kind.names(plan)):
        rows = [(what, name) for what, name in found.items() if what != "aws"]
        _write(folder / record.HANDOUT, page(_sheet(known, entry, rows, found)))
        return folder / record.HANDOUT
    access = target_of(spec).access(spec, plan, outputs_of(stack))
    site = access.site
    names = {
        program.name: site.url(program.api)
        for program in PROGRAMS
        if program.api and site.has(program.api) and any(part.name == program.name for part in plan.parts)
    }
    if spec.logging.store.address:
        names["opensearch"] = site.url("opensearch")
    names |= {"reader": access.reader, "logs": spec.logging.index.prefix}
    names |= {service.name: site.service(service).url for service in spec.services if service.run}
    _write(folder / record.HANDOUT, page(_sheet(known, entry, where(spec, plan, site), names)))
    _credentials(folder, stack, access, names)
    return folder / record.HANDOUT


def _sheet(known: Record, entry: Entry, rows: list[tuple[str, str]], names: Mapping[str, str]) -> Sheet:
    return Sheet(
        name=entry.name,
        cohort=known.cohort,
        stack=known.stack(entry),
        expires=known.expires.strftime("%Y-%m-%d %H:%M %Z"),
        access=known.access,
        rows=rows,
        names=names,
        ground=GROUNDS[known.target],
    )


def _credentials(folder: Path, stack: str, access: Access, names: dict[str, str]) -> None:
    store = pages = None
    if "opensearch" in names:
        password = access.secret(BY_NAME[READER].password)
        store = Login(names["opensearch"], access.reader, password)
    if access.site.password and "pages" in names:
        pages = Login(names["pages"], LOGIN, access.secret(access.site.password))
    if store or pages:
        _write(folder / record.CREDENTIALS, credentials(stack, store, pages))
    if store or access.identity:
        _write(folder / record.AUTHORITY, access.authority() + "\n")
    if access.identity:
        certificate, key = access.identity()
        _write(folder / record.CERTIFICATE, certificate)
        _write(folder / record.KEY, key)
        _write(folder / record.CURL, curl(record.AUTHORITY, record.CERTIFICATE, record.KEY))


def _write(file: Path, text: str) -> None:
    """For the owner of the state folder alone, from the first byte on."""
    with writing("OBS_STATE_DIR", file):
        file.unlink(missing_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as made:
            made.write(text)
