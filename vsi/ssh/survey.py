"""What a host has, for the preflight, in one script."""

import shlex
from collections.abc import Iterable
from pathlib import PurePath

from vsi.reach import Question, Survey
from vsi.ssh import ports

_MARK = "=ports="
_FIND_MODULES = (
    "import importlib.util, sys\n"
    "for name in sys.argv[1:]:\n"
    "    try:\n"
    "        if importlib.util.find_spec(name): print('module', name)\n"
    "    except (ImportError, ValueError, AttributeError): pass\n"
)


def script(root: PurePath, question: Question) -> str:
    """A line `WORD VALUE` for each thing that is there; names by their place in the question, since they may
    hold anything; then what is asked of ports."""
    lines = [
        'set -f; p() { case $2 in */*) [ -f "$2" ] && [ -x "$2" ] && echo "program $1"; return ;; esac',
        '  IFS=:; for d in $PATH; do [ -f "$d/$2" ] && [ -x "$d/$2" ] && echo "program $1" && break; done',
        "  unset IFS; }",
        'echo "uid $(id -u)"',
        *(f"p {number} {shlex.quote(name)}" for number, name in enumerate(question.programs)),
        *(f"[ -f {shlex.quote(name)} ] && echo file {n}" for n, name in enumerate(question.files)),
        *(f"[ -d {shlex.quote(name)} ] && echo folder {n}" for n, name in enumerate(question.folders)),
        *_modules(question.modules),
        f'f={shlex.quote(str(root))}; while [ ! -e "$f" ]; do f=${{f%/*}}; f=${{f:-/}}; done',
        'echo "disk $(stat -f -c "%a %S" -- "$f")"; [ -w "$f" ] && echo writable yes; printf "at %s\\n" "$f"',
        "while read -r word n rest; do [ $word = MemAvailable: ] && echo memory $n; done </proc/meminfo",
        "echo ephemeral $(cat /proc/sys/net/ipv4/ip_local_port_range 2>/dev/null)",
        "echo maps $(cat /proc/sys/vm/max_map_count 2>/dev/null)",
        f"echo; echo {_MARK}; set +f",
        ports.script(question.ports) if question.ports else "",
    ]
    return "\n".join(lines)


def _modules(names: Iterable[str]) -> list[str]:
    words = shlex.join(names)
    return (
        [f"command -v python3 >/dev/null && python3 -c {shlex.quote(_FIND_MODULES)} {words}"] if words else []
    )


def survey(question: Question, output: bytes) -> Survey:
    """What the script found."""
    text, _, rest = output.decode(errors="surrogateescape").partition(f"\n{_MARK}\n")
    # the folder may have line breaks in its name
    text, _, at = text.partition("\nat ")
    at, _, tail = at.rpartition("\nmemory ")
    lines = [line.split(" ", 1) for line in f"{text}\nmemory {tail}".splitlines() if " " in line]
    one = dict(lines)

    def there(word: str, names: tuple[str, ...]) -> frozenset[str]:
        return frozenset(names[int(value)] for found, value in lines if found == word)

    blocks, size = map(int, one["disk"].split())
    ephemeral = one.get("ephemeral", "").split()
    maps = one.get("maps", "").strip()
    return Survey(
        uid=int(one["uid"]),
        programs=there("program", question.programs),
        modules=frozenset(value for found, value in lines if found == "module"),
        files=there("file", question.files),
        folders=there("folder", question.folders),
        ports=ports.holders(set(question.ports), rest.encode(errors="surrogateescape")),
        memory_mb=int(one["memory"]) // 1024,
        disk_mb=blocks * size // 2**20,
        disk_at=at,
        disk_writable="writable" in one,
        ephemeral_ports=(int(ephemeral[0]), int(ephemeral[1])) if len(ephemeral) == 2 else None,
        max_map_count=int(maps) if maps else None,
    )
