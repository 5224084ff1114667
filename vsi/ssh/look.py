"""A look as one script: `find` says what is there, `sha256sum` the digests, `tar` the contents."""

import hashlib
import io
import os
import shlex
import tarfile
from collections.abc import Iterator
from itertools import product
from pathlib import PurePath

from vsi.reach import Facts, Found, Kind, Look

_KINDS: dict[str, Kind] = {"f": "file", "d": "folder", "l": "link"}
_MARK = b"\0obs contents\0"
"""Between records and contents. A record begins otherwise, and holds no zero byte."""
_RECORD = r"%y %m %U %s %T@ %p\0"
_TARGETS = f"""'exec find -L "$@" -maxdepth 0 -printf "t {_RECORD}"'"""

# Records of what is there begin with `i`, of what a link leads to with `t`, digests with the digest. find
# writes out what it has before it runs anything.
_SEEN = f"-printf 'i {_RECORD}' -type l -exec sh -c {_TARGETS} - {{}} +"
_HASHED = "-xtype f -exec sha256sum -z {} +"
_NAMED = "-xtype f -print0"
_TAR = "tar -cPh --null -T - --no-recursion --hard-dereference --numeric-owner --format=gnu -b 1 -f -"


def script(root: PurePath, what: Look) -> str:
    """What the host is to do."""
    seen = tuple(pattern for pattern in what.at + what.read if pattern not in what.digest)
    lines = ["exec 2>/dev/null", f"r={shlex.quote(str(root))}"]
    lines += [*_finds(seen, _SEEN), *_finds(what.digest, f"{_SEEN} , {_HASHED}")]
    if named := _finds(what.read, _NAMED):
        lines += ["printf '\\0obs contents\\0'", f"{{ {'; '.join(named)}; }} | {_TAR}"]
    return "\n".join([*lines, ":"])


def _finds(patterns: tuple[str, ...], then: str) -> list[str]:
    """A find for what patterns name, and one for what is below folders."""
    exact = [word for pattern in dict.fromkeys(patterns) if not _is_deep(pattern) for word in _words(pattern)]
    deep = [word for pattern in dict.fromkeys(patterns) if _is_deep(pattern) for word in _words(pattern[:-2])]
    finds = []
    if exact:
        finds.append(f"find {' '.join(exact)} -maxdepth 0 {then}")
    if deep:
        finds.append(f"find -H {' '.join(deep)} -mindepth 1 ! -type d {then}")
    return finds


def _is_deep(pattern: str) -> bool:
    return pattern == "**" or pattern.endswith("/**")


def _words(pattern: str) -> Iterator[str]:
    """Shell words for a pattern. `*` of a shell leaves out names that begin with a dot; so there are more."""
    base = "" if pattern.startswith("/") else '"$r"/./'
    for parts in product(*map(_part, pattern.removesuffix("/").split("/"))):
        yield base + "/".join(parts) or "/"


def _part(part: str) -> list[str]:
    quoted = "*".join(shlex.quote(text) if text else "" for text in part.split("*"))
    hidden = [".[!.]*", "..?*"]  # all but the folder itself and the one above
    if "*" in part and not part.strip("*"):
        return ["*", *hidden]
    if part.startswith(".*") and not part[1:].strip("*"):
        return hidden
    if not part.startswith("*"):
        return [quoted]
    return [quoted, f".{quoted}", *([quoted[1:]] if part[1] == "." else [])]


def facts(root: PurePath, output: bytes) -> Facts:
    """What the host found, under the names that the patterns have."""
    start = os.fsencode(f"{root}/./")
    entries: dict[str, tuple[bytes, ...]] = {}
    targets: dict[str, tuple[bytes, ...]] = {}
    digests: dict[str, str] = {}
    records, _, packed = output.partition(_MARK)
    for record in filter(None, records.split(b"\0")):
        if record[1:2] == b" ":
            which, *fields, path = record.split(b" ", 6)
            (entries if which == b"i" else targets)[os.fsdecode(path.removeprefix(start))] = tuple(fields)
        else:
            digest, _, path = record.partition(b"  ")
            digests[os.fsdecode(path.removeprefix(start))] = digest.decode()
    read = {os.fsdecode(path.removeprefix(start)): data for path, data in _contents(packed)}
    return Facts(
        {
            path: _found(entry, targets.get(path), digests.get(path, ""), read.get(path))
            for path, entry in entries.items()
        }
    )


def _found(
    entry: tuple[bytes, ...], target: tuple[bytes, ...] | None, digest: str, data: bytes | None
) -> Found:
    kind, mode, owner, size, time = entry
    own = (_KINDS.get(kind.decode(), "other"), int(mode, 8), int(owner))
    if kind == b"l":
        if target is None or target[0] == b"l":
            return Found(*own, mtime_ns=-1)
        size, time = target[3], target[4]
    if data is not None:
        digest = hashlib.sha256(data).hexdigest()
    return Found(*own, int(size), _nanoseconds(time), digest, data)


def _nanoseconds(time: bytes) -> int:
    """Of `seconds.fraction`, without a float between."""
    seconds, _, fraction = time.partition(b".")
    return int(seconds) * 10**9 + int(fraction[:9].ljust(9, b"0"))


def _contents(packed: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not packed:
        return
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:", errors="surrogateescape") as archive:
        for member in archive:
            if stream := archive.extractfile(member):
                yield os.fsencode(member.name), stream.read()
