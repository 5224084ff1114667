"""What stood at a commit of this repository, described with the code of that commit."""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from obs.errors import BadInput, ObsError
from obs.paths import ROOT
from stacks.loader import names

OPTION = "--changed-since"
SECONDS = 300
"""In which a commit is described; a second or two is usual."""


def commit_of(ref: str, root: Path = ROOT) -> str:
    """The commit from which the working tree went its own way since `ref`: their merge base, else `ref`.

    BadInput, naming what to do, if git knows no such commit, or too little to say what they share."""
    if _git(root, "rev-parse", "--git-dir") is None:
        raise BadInput(
            f"{OPTION} {ref}: {root} is no git repository that can be read; expected a clone of one"
        )
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found is None:
        raise BadInput(
            f"{OPTION} {ref}: unknown here; expected a branch, a tag or a commit that this clone has. A "
            "shallow clone has too few: fetch it (git fetch origin <branch>; in CI `fetch-depth: 0`)"
        )
    commit = found.decode().strip()
    base = _git(root, "merge-base", commit, "HEAD")
    if base is None and (_git(root, "rev-parse", "--is-shallow-repository") or b"").strip() == b"true":
        raise BadInput(
            f"{OPTION} {ref}: this clone is too shallow to say where the working tree went its own way from "
            "it; fetch more (git fetch --unshallow; in CI `fetch-depth: 0`)"
        )
    return base.decode().strip() if base else commit


def changed_files(commit: str, root: Path = ROOT) -> list[str]:
    """Files of the working tree that differ from the commit, those that git does not know yet included."""
    changed = _git(root, "diff", "--name-only", "--no-renames", "-z", commit) or b""
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z") or b""
    return sorted({name for name in (changed + new).decode(errors="replace").split("\0") if name})


class Then:
    """The stacks as a commit describes them, found out by a process of its own while others work."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self._found: dict[str, Any] | None = None
        script = Path(__file__).with_name("describing.py")
        variables = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(script)],
            cwd=tree,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def stacks(self) -> dict[str, Any]:
        """Stack -> `describing.described`: a fault of each where the commit's code cannot do it at all."""
        if self._found is None:
            try:
                self._found = self._ask()
            except ObsError as error:
                self._found = {stack: {"fault": str(error)} for stack in names(self.tree / "stacks")}
        return self._found

    def _ask(self) -> dict[str, Any]:
        try:
            out, said = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.stop()
            raise ObsError(f"describing the commit took longer than {SECONDS} s") from None
        if self._process.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise ObsError(f"its code cannot describe its stacks: {last[0]}")
        return dict(json.loads(out))

    def stop(self) -> None:
        """End the process where nobody needs it any more."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def then(commit: str, root: Path = ROOT) -> Iterator[Then]:
    """Begin to describe the stacks of a commit; its tree is gone afterwards."""
    archive = _git(root, "archive", "--format=tar", commit)
    if archive is None:
        raise ObsError(f"git cannot read the tree of {commit}")
    with tempfile.TemporaryDirectory(prefix="obs-preview-") as folder:
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            inside = [member for member in tar if _stays_inside(member, folder)]
            tar.extractall(folder, inside, filter="data")
        running = Then(Path(folder))
        try:
            yield running
        finally:
            running.stop()


def _stays_inside(member: tarfile.TarInfo, folder: str) -> bool:
    """Whether it may be unpacked: a link that leads out of the repository describes nothing here."""
    try:
        return tarfile.data_filter(member, folder) is not None
    except tarfile.FilterError:
        return False


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git says; None if it fails. ObsError without git."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise ObsError(f"{OPTION} needs git on the PATH, which finds what stood before") from None
    return None if done.returncode else done.stdout
