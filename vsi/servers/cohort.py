"""Heads of a cohort on servers: each has hosts of its own, which the roster names. What is slow to import
waits until it is needed."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from components.errors import SuiteError
from components.heads import PREFIX, Marked, Settings, Who
from components.spec import Spec
from components.spec.problem import AsWritten, Problem
from vsi.errors import Unreachable

LONGEST = 40
"""Letters of a stack's name, as of every name."""
_REACHED_BY = ("port", "user", "host_keys")
_ROOT, _DATA = "/var/lib/obs", "/var/lib/private/obs"
"""Hold a folder for each stack; of data, an empty one is none."""
_READS = re.compile(rb"/(?:var/lib|run)/obs/([a-z0-9][a-z0-9_.-]*)/")
"""How a unit file says of which stack it is."""


def hosts(spec: Spec) -> tuple[str, ...]:
    """Those on which anything of a stack is put."""
    return tuple(host.name for host in spec.servers.of_role("agent"))


def settings(spec: Spec, who: Who) -> Settings:
    """The template's hosts, with the addresses of the participant's, and whose they are on every series."""
    own = []
    for host in spec.servers.model_dump(mode="json", exclude_unset=True).get("hosts", ()):
        theirs = who.hosts.get(host["name"], {})
        labels = {**host.get("labels", {}), "cohort": who.cohort, "participant": who.slug}
        # How the template's host is reached is another's.
        kept = {key: value for key, value in host.items() if not (theirs and key in _REACHED_BY)}
        own.append({**kept, **theirs, **({"labels": labels} if host.get("roles") else {})})
    return {"deploy": {"retain": False}, "servers": {"file": None, "hosts": own}}


def refusals(spec: Spec) -> list[Problem]:
    """By the names of the template's settings."""
    if not spec.logging.store.shared:
        return []
    expected = "expected false: heads on target vsi have a store each, and share none"
    return [Problem(("logging", "store", "shared"), AsWritten("true"), expected)]


def place(spec: Spec) -> dict[str, Any]:
    """The way to each host, and what one logs in with; no secret."""
    from vsi.servers.plan import connections, login_sources

    return {
        "connections": [found.model_dump(mode="json", exclude_defaults=True) for found in connections(spec)],
        "login": dict(login_sources(spec)),
    }


def marked(place: Mapping[str, Any], stacks: Collection[str] | None) -> list[Marked]:
    """Folders and unit files on each host of these stacks, or of any head. SuiteError for a host that does
    not answer."""
    from vsi.logins import login_of
    from vsi.reach import Look
    from vsi.servers.machine import server
    from vsi.ssh.connection import Connection
    from vsi.systemd.places import UNITS

    login, found = login_of(place["login"]), list[Marked]()
    starts = [f"{PREFIX}*"] if stacks is None else sorted(stacks)
    what = Look(
        at=tuple(path for start in starts for path in (f"{_ROOT}/{start}", f"{_DATA}/{start}/**")),
        read=tuple(f"{UNITS}/obs-{start}-*.service" for start in starts),
    )
    for item in place["connections"]:
        connection = Connection.model_validate(item)
        try:
            facts = server("cohort", connection, login, {}).reach.look(what)
        except Unreachable as error:
            raise SuiteError(f"{connection.host}: {error.message}") from None
        for root in (_ROOT, _DATA):
            found += [Marked(name, f"{connection.host}: {root}/{name}") for name in facts.names(root)]
        for name in facts.names(UNITS):
            said = _READS.search(facts.data(f"{UNITS}/{name}") or b"")
            stack = said[1].decode() if said else _by_name(name, starts)
            found.append(Marked(stack, f"{connection.host}: {UNITS}/{name}"))
    return sorted(found)


def _by_name(unit: str, stacks: Collection[str]) -> str:
    """Of which stack a unit file is that does not say so itself; its own name, where nobody can tell."""
    return next((stack for stack in stacks if unit.startswith(f"obs-{stack}-")), unit)
