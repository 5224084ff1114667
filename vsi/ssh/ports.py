"""Who has a port of a host, from the tables of its kernel."""

import ipaddress
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from vsi.reach import Holder

_LISTEN, _TIME_WAIT = 0x0A, 0x06
NEAR = ("0.0.0.0", "127.0.0.1", "::", "::ffff:127.0.0.1")  # noqa: S104 - compared
"""Addresses at which a listener keeps another from loopback."""
_MARK = "=owners="
_MOST = 300
"""Sockets whose owner is looked for, listeners first: a busy server has thousands of connections."""


def script(ports: Collection[int]) -> str:
    """Lines of the tables; then a line for each socket found in a process, and one for each process."""
    wanted = "|".join(f"{port:04X}" for port in sorted(ports)) or "none"
    return rf"""
table=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -E '^ *[0-9]+: [0-9A-F]+:({wanted}) ')
printf '%s\n' "$table" {_MARK}
set --
for inode in $(printf '%s\n' "$table" | sort -k 4,4r | while read -r n l r s q t u o m i rest; do
    [ "$s" = 0A ] && printf 'a %s\n' "$i" || printf 'b %s\n' "$i"; done | sort -u | head -n {_MOST}); do
  case $inode in a|b|0) ;; *) set -- "$@" -o -lname "socket:[[]$inode[]]" ;; esac
done
[ $# = 0 ] && exit
shift
owners=$(find /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 \( "$@" \) -printf '%h %l\n' 2>/dev/null)
printf '%s\n' "$owners"
for folder in $(printf '%s\n' "$owners" | cut -d ' ' -f 1 | sort -u); do
  printf '%s ' "$folder"; head -c 400 "${{folder%fd}}cmdline" 2>/dev/null | tr '\0\n' '  '; echo
done
"""


@dataclass(frozen=True)
class _Socket:
    address: str
    port: int
    state: int
    inode: str


def holders(ports: Collection[int], output: bytes) -> dict[int, Holder]:
    """What the script found, as `Reach.ports` says it."""
    table, _, rest = output.decode(errors="replace").partition(_MARK)
    sockets = [_socket(line.split()) for line in table.splitlines() if line.strip()]
    owners: dict[str, int] = {}
    commands: dict[int, str] = {}
    for line in rest.splitlines():
        folder, _, words = line.partition(" ")
        if not folder.startswith("/proc/"):
            continue
        pid = int(folder.split("/")[2])
        if words.startswith("socket:["):
            inode = words[8:-1]
            owners[inode] = min(pid, owners.get(inode, pid))
        else:
            commands[pid] = words.strip()[:100]
    found = {}
    for port in ports:
        mine = [item for item in sockets if item.port == port]
        if holder := _holder(mine, owners, commands):
            found[port] = holder
    return found


def listening(table: str) -> Iterator[tuple[str, int]]:
    """Address and port of each listener in lines of the kernel's tables."""
    for line in table.splitlines():
        if (words := line.split())[3:4] == ["0A"]:
            item = _socket([*words, *[""] * 10])
            yield item.address, item.port


def _holder(sockets: Iterable[_Socket], owners: dict[str, int], commands: dict[int, str]) -> Holder | None:
    listeners = [item for item in sockets if item.state == _LISTEN]
    others = [item for item in sockets if item.state != _LISTEN]
    free = not any(_bars(item) for item in (*listeners, *others))
    if free and not listeners:
        return None
    pids = tuple(dict.fromkeys(owners.get(item.inode) for item in listeners))
    near = tuple(dict.fromkeys(owners.get(item.inode) for item in listeners if _bars(item)))
    named = next((pid for pid in pids if pid), None)
    if not listeners:
        named = next((owners[item.inode] for item in others if item.inode in owners), None)
    command = commands.get(named, "") if named is not None else ""
    return Holder(pids, named, command, bool(others and not listeners), free, near)


def _bars(item: _Socket) -> bool:
    """Whether a server that would listen on loopback is kept from it: by another, or by a connection from
    there, but not by the remains of one."""
    if item.state == _LISTEN:
        return item.address in NEAR
    return item.state != _TIME_WAIT and item.address in ("127.0.0.1", "::ffff:127.0.0.1")


def _socket(words: list[str]) -> _Socket:
    address, _, port = words[1].partition(":")
    return _Socket(_address(address), int(port, 16), int(words[3], 16), words[9])


def _address(digits: str) -> str:
    """Each 32 bits stand in the order of the host's processor, which is little-endian wherever we run."""
    raw = b"".join(struct.pack("<I", int(digits[i : i + 8], 16)) for i in range(0, len(digits), 8))
    if len(raw) == 4:
        return socket.inet_ntoa(raw)
    found = ipaddress.IPv6Address(raw)
    return f"::ffff:{found.ipv4_mapped}" if found.ipv4_mapped else str(found)
