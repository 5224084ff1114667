"""A host for tests: its scripts are carried out by a real shell, below a folder of this machine; and one over
SSH, where the tests are told of one."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vsi.errors import DeployError
from vsi.servers.authority import Authority
from vsi.servers.engines_copy import Engine
from vsi.servers.prepare import Wanted
from vsi.servers.survey import Where


@dataclass(frozen=True)
class Said:
    """See `vsi.servers.shell.Reply`."""

    code: int
    output: bytes
    errors: bytes


class Cut(DeployError):
    """The connection is gone."""


@dataclass
class HostShell:
    """See `vsi.servers.shell.Shell`. `before` is put in front of each script; after `cut` scripts, none more
    is carried out."""

    command: tuple[str, ...] = ("sh", "-c")
    before: str = ""
    cut: int | None = None
    asked: int = 0
    answer: Callable[[bytes], bytes] = field(default=lambda output: output)

    def ask(self, script: str, feed: bytes | None = None, seconds: float = 60) -> Said:
        if self.cut is not None and self.asked >= self.cut:
            raise Cut("h1", "the connection was lost")
        self.asked += 1
        done = subprocess.run(
            [*self.command, f"{self.before}\n{script}"],
            input=feed or b"",
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        return Said(done.returncode, self.answer(done.stdout), done.stderr)


def where(root: Path, stack: str = "dev") -> Where:
    """Folders below one."""
    return Where(stack, str(root / "var lib"), str(root / "opt"))


def archive(tree: Path) -> Callable[[], Iterator[bytes]]:
    """A tar archive of a folder in small pieces."""

    def pieces() -> Iterator[bytes]:
        data = subprocess.run(["tar", "-c", "-C", tree, "."], capture_output=True, check=True).stdout
        for begin in range(0, len(data), 4096):
            yield data[begin : begin + 4096]

    return pieces


def engine(folder: Path, name: str = "prometheus", version: str = "1") -> Engine:
    """A small artifact."""
    tree = folder / f"{name}-{version}"
    (tree / "bin").mkdir(parents=True, exist_ok=True)
    (tree / "bin" / name).write_text(f"#!/bin/sh\necho {name} {version}\n" + "#" * 9000)
    (tree / "bin" / name).chmod(0o755)
    (tree / "manifest.json").write_text("{}")
    key = f"{name.encode().hex()[:8]}{version}".ljust(64, "0")
    return Engine(name, key, version, 10_000, archive(tree))


AUTHORITY = Authority.make()
SANS = {"prometheus": ("10.0.0.11", "h1"), "alertmanager": ("10.0.0.11",)}


def wanted(where: Where, *engines: Engine, **more: object) -> Wanted:
    """What the host shall have."""
    settings: dict[str, object] = {"certificates": SANS, "authority": AUTHORITY, "plan_version": "1"}
    return Wanted("h1", where, "linux/amd64", engines, **(settings | more))  # type: ignore[arg-type]
