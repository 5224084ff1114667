"""Images made here: a static program as an archive that `ctr images import` takes, under any name.

No registry is asked. An image is a few folders and programs in one layer; the programs are those of the
cache.
"""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engines.setting import this_platform

SHELL = (
    "bash",
    "basename",
    "cat",
    "cp",
    "chmod",
    "cut",
    "dirname",
    "env",
    "grep",
    "ls",
    "mkdir",
    "readlink",
    "rm",
    "sed",
    "sh",
    "tr",
    "uname",
)
"""Programs that start scripts lean on."""
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """What an image holds and starts. `files`: path there -> file or folder of this machine, or text."""

    name: str
    """In full, with registry and tag: `quay.io/prometheus/prometheus:v3.13.5`."""
    files: Mapping[str, Path | str]
    entrypoint: tuple[str, ...] = ()
    folders: tuple[str, ...] = ("/tmp",)
    user: str = "65534"
    environment: tuple[str, ...] = field(default=("PATH=/bin:/usr/bin:/usr/local/bin",))


def with_shell(programs: Iterable[Path]) -> dict[str, Path]:
    """What dynamic programs need beside themselves: this machine's libraries and a shell with its tools."""
    tools = {f"/bin/{name}": Path(found) for name in SHELL if (found := shutil.which(name))}
    tools["/usr/bin/env"] = tools["/bin/env"]
    return {**tools, **libraries([*programs, *tools.values()])}


def libraries(programs: Iterable[Path]) -> dict[str, Path]:
    """The shared libraries of programs, where these look for them."""
    said = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"(?:=> |^\s+)(/(?:usr/)?lib\S+) \(0x", said, re.MULTILINE)
    return {path: Path(path) for path in sorted(set(found))}


def write(images: list[Image], archive: Path) -> None:
    """Write images into one archive of the OCI layout."""
    blobs: dict[str, bytes | Path] = {}
    listed: list[dict[str, object]] = []
    for image in images:
        layer = archive.with_name(f"{archive.name}.{len(listed)}.layer")
        digest = _layer(image, layer)
        blobs[digest] = layer
        config = _config(image, digest)
        blobs[_digest(config)] = config
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": _described("config.v1+json", _digest(config), len(config)),
                "layers": [_described("layer.v1.tar", digest, layer.stat().st_size)],
            }
        )
        blobs[_digest(manifest)] = manifest
        entry = _described("manifest.v1+json", _digest(manifest), len(manifest))
        listed.append({**entry, "annotations": {"io.containerd.image.name": image.name}})
    with tarfile.open(archive, "w") as out:
        _add(out, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(out, "index.json", _json({"schemaVersion": 2, "manifests": listed}))
        for digest, blob in blobs.items():
            where = f"blobs/{digest.replace(':', '/')}"
            if isinstance(blob, Path):
                out.add(blob, where)
                blob.unlink()
            else:
                _add(out, where, blob)


def _layer(image: Image, layer: Path) -> str:
    """Write the layer, plain: nothing is sent anywhere. Its digest."""
    with layer.open("wb") as file:
        hashed = _Hashed(file)
        with tarfile.open(fileobj=hashed, mode="w|", dereference=True) as out:
            for path, content in image.files.items():
                if isinstance(content, str):
                    _add(out, path.lstrip("/"), content.encode(), 0o755)
                else:
                    for below, name in _below(content, path.lstrip("/")):
                        out.add(below, name, recursive=False, filter=_nobodys)
            # Last, so that they can be written to even where files came with them.
            for folder in image.folders:
                entry = tarfile.TarInfo(folder.lstrip("/"))
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
                out.addfile(entry)
    return hashed.digest


def _below(path: Path, name: str) -> Iterator[tuple[Path, str]]:
    """A file, or all that exists in a folder: links are followed, since they may lead out of it."""
    yield path, name
    if path.is_dir():
        for item in sorted(path.iterdir()):
            if item.exists():
                yield from _below(item, f"{name}/{item.name}")


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """For everybody to read, and without a date."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode |= 0o444 | (0o111 if entry.isdir() or entry.mode & 0o100 or entry.name.count("/") == 0 else 0)
    return entry


class _Hashed(io.RawIOBase):
    """Passes on what is written, and knows its digest."""

    def __init__(self, under: object) -> None:
        self._under, self._sum = under, hashlib.sha256()

    @property
    def digest(self) -> str:
        return f"sha256:{self._sum.hexdigest()}"

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._sum.update(data)
        self._under.write(data)  # type: ignore[attr-defined]
        return len(data)


def _config(image: Image, plain: str) -> bytes:
    system, _, machine = this_platform().partition("/")
    return _json(
        {
            "created": _EPOCH,
            "os": system,
            "architecture": machine,
            "config": {
                "Entrypoint": list(image.entrypoint),
                "User": image.user,
                "Env": list(image.environment),
            },
            "rootfs": {"type": "layers", "diff_ids": [plain]},
            "history": [{"created": _EPOCH, "created_by": "tests"}],
        }
    )


def _described(kind: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": size}


def _add(out: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    out.addfile(entry, io.BytesIO(data))


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
