"""The reach of this machine: files, ports and servers directly, changes through pyinfra."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vsi.changes import Steps
from vsi.local import asking, files, locks, logs, ports, processes
from vsi.local.survey import survey
from vsi.reach import Answer, Facts, Get, Holder, Look, Question, Report, Said, Survey


@dataclass(frozen=True)
class LocalReach:
    """A stack's way to this machine; `root` is its state folder."""

    root: Path

    def look(self, what: Look) -> Facts:
        """See `Reach`; no subprocess, since a refresh that finds nothing must cost next to nothing."""
        return files.look(self.root, what)

    def survey(self, question: Question) -> Survey:
        """See `Reach`."""
        return survey(self.root, question)

    def ports(self, ports_: Collection[int]) -> dict[int, Holder]:
        """See `Reach`."""
        return ports.holders(ports_) if ports_ else {}

    def get(self, request: Get, timeout: float) -> Answer:
        """See `Reach`."""
        return asking.get(request, timeout)

    def greet(self, host: str, port: int, words: bytes, timeout: float) -> Answer:
        """See `Reach`."""
        return asking.greet(host, port, words, timeout)

    def run(self, command: tuple[str, ...]) -> Said:
        """See `Reach`."""
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return Said(done.returncode, done.stdout)

    def tail(self, path: str, size: int) -> bytes:
        """See `Reach`."""
        return logs.tail(Path(path), size)

    def folder_size(self, path: str) -> int:
        """See `Reach`."""
        return sum(item.lstat().st_size for item in Path(path).rglob("*") if not item.is_dir())

    def suspended(self, pid: int) -> bool:
        """See `Reach`."""
        return processes.is_suspended(pid)

    def change(self, steps: Steps, report: Report) -> None:
        """See `Reach`."""
        from vsi import session  # pyinfra takes half a second: only now

        session.carry_out("@local", steps, report)

    @contextmanager
    def scratch(self, path: str) -> Iterator[None]:
        """pyinfra's temporary files lie there too: it writes what it puts in place, secrets and keys among
        it, to one first. A process that is killed, as ours are when the engine ends, leaves that behind: in
        /tmp for good, here until the next run.

        The folder is reached by a descriptor, because pyinfra does not quote the file's name, and the state
        folder may hold blanks and worse."""
        folder, before = Path(path), tempfile.tempdir
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        tempfile.tempdir = f"/proc/{os.getpid()}/fd/{descriptor}"
        try:
            yield
        finally:
            tempfile.tempdir = before
            os.close(descriptor)
            shutil.rmtree(folder, ignore_errors=True)

    def hold(self, name: str) -> AbstractContextManager[None]:
        """See `Reach`."""
        return locks.hold(self.root / "locks", name)
