"""Engines on their way from the control machine's cache to a host, and old ones off it.

A copy is made beside, as `.tmp-<key>@<stack>`, checked by its digest, and renamed: a folder of an artifact is
whole or not there. What an interrupted run left is removed by the next one of the same stack.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from vsi.reach import Report
from vsi.servers.shell import Shell, carried_out, quoted
from vsi.servers.survey import CHANGED, MARK, Placed, Survey, Where

Archive = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Engine:
    """An artifact that a host shall have."""

    name: str
    key: str
    version: str
    size: int
    """Bytes when unpacked, about."""
    archive: Archive
    """A tar archive of it, compressed with gzip, in pieces."""


def state_of(survey: Survey, name: str, key: str) -> str:
    """`missing`, or what in it is not as it was placed; '' if it is well."""
    placed = survey.placed(name, key)
    if placed is None or not placed.at:
        return "missing"
    return f"changed on the host: {placed.changed}" if placed.changed else ""


def to_copy(survey: Survey, engines: Iterable[Engine]) -> list[Engine]:
    """Those that are absent, or not as they were placed."""
    return [engine for engine in engines if state_of(survey, engine.name, engine.key)]


def needed_mb(engines: Iterable[Engine]) -> int:
    """Room for all, and for the archive of the largest while it is unpacked."""
    sizes = [engine.size for engine in engines]
    return -(-(sum(sizes) + max(sizes)) >> 20) + 1 if sizes else 0


def copy(shell: Shell, host: str, where: Where, engine: Engine, report: Report) -> None:
    """Bring one engine, checked on arrival. Raises DeployError; what was there before stays until then."""
    folder = f"{where.engines}/{engine.name}"
    scratch = f"{folder}/.tmp-{engine.key}@{where.stack}"
    packed = f"{scratch}/archive.tar"
    digest, sent = hashlib.blake2b(), 0
    what = f"copying {engine.name} {engine.version}"
    carried_out(shell, host, what, _begin(folder, where.stack, scratch))
    for piece in engine.archive():
        digest.update(piece)
        script = f"head -c {len(piece)} >> {quoted(packed)}"
        carried_out(shell, host, what, script, piece)
        sent += len(piece)
        report(f"{what}: {sent >> 20} MB sent")
    script = _place(where, engine, scratch, digest.hexdigest())
    carried_out(shell, host, what, script)
    report(f"{engine.name} {engine.version} is there, {engine.size >> 20} MB, checked")


def _begin(folder: str, stack: str, scratch: str) -> str:
    """An empty folder for the copy; those that earlier runs of this stack left are gone."""
    return f"""
umask 022
mkdir -p {quoted(folder)}
rm -rf {quoted(folder)}/.tmp-*@{quoted(stack)} {quoted(folder)}/.old-*@{quoted(stack)}
mkdir {quoted(scratch)}
"""


def _place(where: Where, engine: Engine, scratch: str, digest: str) -> str:
    """Check, unpack, mark and rename. Of an artifact that is replaced, what runs keeps its open files."""
    final = where.engine(engine.name, engine.key)
    aside = f"{where.engines}/{engine.name}/.old-{engine.key}@{where.stack}"
    return f"""{CHANGED}
umask 022
cd {quoted(scratch)}
echo "{digest}  archive.tar" | b2sum -c - >/dev/null 2>&1 || {{
  echo "what arrived has another checksum than what was sent; run again" >&2; exit 1; }}
mkdir tree
tar -xf archive.tar -C tree --no-same-owner -p
rm archive.tar
printf '%s\\n' '{digest}' {quoted(where.stack)} > tree/{MARK}
sync -f tree
touch tree/{MARK}
if [ -f {quoted(final)}/{MARK} ] && [ -z "$(changed {quoted(final)})" ]; then
  rm -rf tree  # another stack was faster
else
  if [ -e {quoted(final)} ]; then mv -T {quoted(final)} {quoted(aside)}; fi
  mv -T tree {quoted(final)}
fi
sync {quoted(where.engines)}/{quoted(engine.name)}
cd /
rm -rf {quoted(scratch)} {quoted(aside)}
"""


def superseded(survey: Survey, wanted: Mapping[str, str]) -> list[Placed]:
    """Artifacts that can go: no record of any stack names them, and there is a newer one that can be gone
    back to. Of engines that nobody wants any more, none is kept."""
    found = []
    for name in sorted({placed.engine for placed in survey.engines}):
        ours = [it for it in survey.engines if it.engine == name and it.at]
        idle = [it for it in ours if not it.stacks and it.key != wanted.get(name)]
        idle.sort(key=lambda it: (it.at, it.key), reverse=True)
        in_use = len(idle) < len(ours) or name in wanted
        other_in_use = any(it.stacks and it.key != wanted.get(name) for it in ours)
        found += idle[1:] if in_use and not other_in_use else idle
    return found


def abandoned(survey: Survey, stack: str, recorded: Mapping[str, str]) -> list[Placed]:
    """Artifacts that go with a stack: those that its host's record names, and older ones of the same engines,
    but for what a record of another stack names."""
    return [it for it in survey.engines if it.at and it.engine in recorded and not it.stacks - {stack}]


def remove(where: Where, artifacts: Iterable[Placed], *, but_for: str = "") -> str:
    """A script that takes artifacts away, each asked about once more; records of the stack `but_for` do not
    count. Writes `gone ENGINE KEY` for each."""
    lines, own = [], quoted(f"{where.state}/{but_for or ' '}")
    for it in artifacts:
        folder = where.engine(it.engine, it.key)
        aside = f"{where.engines}/{it.engine}/.old-{it.key}@{where.stack}"
        lines.append(f"""
used=$(grep -lsF -- {quoted(it.key)} {_records(where)} | while IFS= read -r record; do
  case $record in {own}/*) ;; *) echo "$record" ;; esac
done)
if [ -z "$used" ] && [ -f {quoted(f"{folder}/{MARK}")} ]; then
  mv -T {quoted(folder)} {quoted(aside)} && rm -rf {quoted(aside)}
  echo {quoted("gone", it.engine, it.key)}
fi
rmdir {quoted(f"{where.engines}/{it.engine}")} 2>/dev/null || true
""")
    return "".join(lines)


def sweep(where: Where, engines: Iterable[str]) -> str:
    """A script that removes what interrupted copies of this stack left."""
    lines = []
    for name in engines:
        folder = quoted(f"{where.engines}/{name}")
        lines.append(f"rm -rf {folder}/.tmp-*@{quoted(where.stack)} {folder}/.old-*@{quoted(where.stack)}\n")
        lines.append(f"rmdir {folder} 2>/dev/null || true\n")
    return "".join(lines)


def _records(where: Where) -> str:
    state = quoted(where.state)
    return f"{state}/*/units/*/applied.json {state}/*/host.json"
