"""What `obs verify` is given of servers: addresses, keys of the operator, logs and sockets over SSH."""

import contextlib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from components.errors import SuiteError
from components.plan import part_id
from components.spec import Spec
from components.target import Access, Bound, Outputs
from vsi.keys import secret_key
from vsi.machine import Machine
from vsi.ready import probe
from vsi.servers.keys import AUTHORITY, OPERATOR_CERTIFICATE, OPERATOR_KEY
from vsi.servers.known import Known
from vsi.servers.operate import each
from vsi.servers.plan import ServersPlan
from vsi.servers.site import site_of
from vsi.systemd.places import log_file
from vsi.unit import HostUnit

_SOCKETS = """
for f in /sys/fs/cgroup/system.slice/"$1"*.service /sys/fs/cgroup/systemd/system.slice/"$1"*.service; do
  [ -r "$f/cgroup.procs" ] || continue
  for p in $(cat "$f/cgroup.procs"); do echo "pid $p ${f##*/}"; done
done
ss -H -l -n -t -u -p
"""
_ANY = {"*": "0.0.0.0"}  # noqa: S104 - as `ss` calls it
_OWNER = re.compile(r'\("([^"]*)",pid=(\d+)')


def access(spec: Spec, plan: ServersPlan, outputs: Outputs) -> Access:
    """The access to a stack on servers."""
    machines = Known.of(plan).machines(plan.stack)
    units = list(plan.units)
    keys = partial(_of_keys, outputs, plan.stack)
    return Access(
        site=site_of(spec, plan.stack, spec.servers.of_role("agent")[0]),
        secret=lambda name: keys(secret_key(name)),
        authority=lambda: keys(AUTHORITY),
        identity=lambda: (keys(secret_key(OPERATOR_CERTIFICATE)), keys(secret_key(OPERATOR_KEY))),
        units={unit.id: partial(probe, machines[unit.place], unit) for unit in units},
        log=lambda service: _lines(plan.stack, service, units, machines),
        sockets=lambda: _sockets(plan.stack, machines),
    )


def _of_keys(outputs: Outputs, stack: str, key: str) -> str:
    found: Any = outputs(part_id("keys", stack)).get(key)
    if not isinstance(found, str):
        raise SuiteError(f"the stack's keys have no {key!r}. Run: obs up {stack}")
    return found


def _lines(stack: str, service: str, units: list[HostUnit], machines: Mapping[str, Machine]) -> Iterator[str]:
    """The lines of the file that the log agent reads, host by host."""
    for unit in units:
        if unit.name == service:
            path = log_file(stack, service)
            for name in (f"{path}.1", path):
                found = machines[unit.place].reach.tail(name, 2**26)
                yield from found.decode(errors="replace").splitlines(keepends=True)


def _sockets(stack: str, machines: Mapping[str, Machine]) -> list[Bound]:
    """Where processes of the stack's units listen, on every host."""

    def ask(place: str, machine: Machine) -> list[Bound]:
        said = machine.reach.run(("sh", "-c", _SOCKETS, "sh", f"obs-{stack}-"))
        if said.code:
            raise SuiteError(f"{place}: its sockets cannot be listed: {said.output.strip()[-200:]}")
        return list(bound(said.output))

    return [item for found in each(dict(machines), ask).values() for item in found]


def bound(output: str) -> Iterator[Bound]:
    """The sockets in what `ss` said, of the processes that were listed before."""
    units: dict[str, str] = {}
    for line in output.splitlines():
        words = line.split()
        if words[:1] == ["pid"]:
            units[words[1]] = words[2].removesuffix(".service")
            continue
        owner = next((units[pid] for _, pid in _OWNER.findall(line) if pid in units), None)
        if owner is None or len(words) < 5:
            continue
        address, _, port = words[4].rpartition(":")
        with contextlib.suppress(ValueError):
            found = ipaddress.ip_address(_ANY.get(address, address.strip("[]").partition("%")[0]))
            yield Bound(owner, str(found), int(port), words[0] == "udp")
