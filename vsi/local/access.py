"""What `obs verify` is given of this machine: addresses, secrets, logs, and the sockets of what runs."""

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from components.errors import SuiteError
from components.render import opensearch_store
from components.site import LOGIN, Site
from components.spec import Spec
from components.target import Access, Bound
from vsi.machine import machine_of
from vsi.paths import StatePaths
from vsi.ready import probe
from vsi.site import OPERATOR, local_site
from vsi.unit import HostPlan


def access(spec: Spec, plan: HostPlan) -> Access:
    """The access to a stack on this machine."""
    machine = machine_of(plan.stack)
    units = {unit.name: partial(probe, machine, unit) for unit in plan.parts}
    found = access_at(machine.paths, local_site(spec), units)
    if spec.logging.store.address is None:
        return found
    own = found.authority if found.identity else None  # else nothing here has a certificate
    return replace(
        found,
        authority=lambda: "\n".join([found.secret(opensearch_store.AUTHORITY), *([own()] if own else [])]),
        reader=opensearch_store.user_of(spec, found.reader),
    )


def access_at(paths: StatePaths, site: Site, units: Mapping[str, Callable[[], str]] | None = None) -> Access:
    """The access to what a state folder holds and a site says."""
    return Access(
        site=site,
        secret=lambda name: _text(paths.secrets / name),
        authority=lambda: _text(paths.tls / "ca.pem"),
        identity=(lambda: _identity(paths)) if site.mutual else None,
        units=units or {},
        log=lambda service: _lines(paths, service),
        sockets=lambda: _sockets(paths),
        note=_note(paths, site) if site.password else "",
    )


def _note(paths: StatePaths, site: Site) -> str:
    password, certificate = paths.secrets / site.password, paths.tls / f"{OPERATOR}.pem"
    return (
        f"the pages and the sink ask for the user {LOGIN} and the password in {password}, other programs and "
        f"services for a certificate: {certificate} (docs/how-to/guard-loopback.md)"
    )


def _identity(paths: StatePaths) -> tuple[str, str]:
    """Each ends its own line, so that one may stand behind the other in a file."""
    certificate, key = (_text(paths.tls / f"{OPERATOR}.{kind}") + "\n" for kind in ("pem", "key"))
    return certificate, key


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SuiteError(f"{file}: {error.strerror}") from None


def _lines(paths: StatePaths, service: str) -> Iterator[str]:
    current = paths.unit(service).log / f"{service}.log"
    for path in (current.with_name(f"{current.name}.1"), current):
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from file


def _sockets(paths: StatePaths) -> list[Bound]:
    """Those of the supervisor and its descendants; SuiteError if it does not run."""
    pid_file = paths.supervisor / "supervisord.pid"
    try:
        supervisor = psutil.Process(int(pid_file.read_text(encoding="ascii")))
        processes = [supervisor, *supervisor.children(recursive=True)]
    except (OSError, ValueError, psutil.Error) as error:
        raise SuiteError(f"the supervisor does not run: {type(error).__name__}: {error}") from None
    found: list[Bound] = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            name = process.name()
            found += [
                Bound(name, item.laddr.ip, item.laddr.port)
                for item in process.net_connections("inet")
                if item.laddr and _takes(item.status, item.type, bool(item.raddr))
            ]
    return found


def _takes(status: str, kind: int, connected: bool) -> bool:
    """Whether others can send to a socket: a listening one, or one for datagrams without a peer."""
    return status == psutil.CONN_LISTEN or (kind == socket.SOCK_DGRAM and not connected)
