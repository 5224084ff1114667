"""A copy of the project with a small plan, driven by the real CLI, for tests of what stands around it."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from engines.errors import EngineError
from obs import pulumi
from obs.errors import ObsError
from tests.ports import free_base

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("cohorts", "components", "engines", "obs", "plugins", "stacks", "targets", "tools", "vsi")
FILES = ("Pulumi.yaml", "__main__.py")
SERVERS = ("one", "two", "three")
SECONDS = 240
"""Deadline of one run; an idle machine needs about ten."""


def find_pulumi() -> Path | None:
    """The CLI that `obs` would use; None if there is none."""
    try:
        return pulumi.find_pulumi()
    except (ObsError, EngineError):
        return None


@dataclass
class Project:
    """One copy, with its own state, ports and home of the engine."""

    root: Path
    port_base: int
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, pulumi_cli: Path) -> "Project":
        """Copy the working tree's packages, with the toy plan in place of the real one."""
        root.mkdir(parents=True)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, root / package)
        for name in FILES:
            shutil.copy(ROOT / name, root / name)
        shutil.copy(ROOT / "tests" / "engine" / "toy_plan.py", root / "vsi" / "plan.py")
        (root / ".venv").symlink_to(sys.prefix)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "OBS_"))}
        port_base = free_base(len(SERVERS))
        return cls(
            root,
            port_base,
            {
                **kept,
                "PATH": f"{pulumi_cli.parent}{os.pathsep}{os.environ['PATH']}",
                "PULUMI_HOME": str(root / "pulumi-home"),
                "OBS_PORT_BASE": str(port_base),
            },
        )

    @property
    def stack_file(self) -> Path:
        return self.root / "stacks" / "Pulumi.local.yaml"

    def replace(self, old: str, new: str) -> None:
        """Edit the stack file."""
        text = self.stack_file.read_text()
        assert old in text
        self.stack_file.write_text(text.replace(old, new, 1))

    def start(self, *arguments: str, log: Path) -> "subprocess.Popen[bytes]":
        """`obs ARGUMENTS`, in a session of its own, its output in a file."""
        with log.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "obs", *arguments],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def obs(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`obs ARGUMENTS`, to the end."""
        return self._run([sys.executable, "-m", "obs", *arguments])

    def up(self) -> str:
        """`obs up`, which must succeed; what it said."""
        done = self.obs("up")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    def by_hand(self, command: str) -> "subprocess.CompletedProcess[str]":
        """A command as a user types it after `eval "$(obs env local)"`."""
        return self.shell(f'eval "$({sys.executable} -m obs env local)" && {command}')

    def shell(self, command: str) -> "subprocess.CompletedProcess[str]":
        """A line of shell in the project's folder, to the end."""
        return self._run(["sh", "-c", command])

    def _run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def servers(self) -> dict[str, list[int]]:
        """Unit -> ids of its running processes."""
        found: dict[str, list[int]] = {name: [] for name in SERVERS}
        for process in psutil.process_iter(["cmdline", "status"]):
            line = process.info["cmdline"] or []
            for offset, name in enumerate(SERVERS):
                if line[-3:-1] == ["server.py", str(self.port_base + offset)] and "python" in line[0]:
                    found[name].append(process.pid)
        return found

    def once_each(self) -> bool:
        """Whether every unit runs, and none twice."""
        return all(len(pids) == 1 for pids in self.servers().values())

    def drivers(self) -> list[str]:
        """Command lines of what works on this copy: the CLI, its plugins, and what they started."""
        found = []
        for process in psutil.process_iter(["pid"]):
            try:
                line, folder = process.cmdline(), process.cwd()
            except psutil.Error:
                continue
            text = " ".join(line)
            if folder.startswith(str(self.root)) and (
                "pulumi" in text or "vsi.apply" in text or f"{self.root}/plugins" in text
            ):
                found.append(text)
        return found

    def locks(self) -> list[Path]:
        """The engine's own locks."""
        return list((self.root / ".state" / ".pulumi" / "locks").rglob("*.json"))

    def clean_up(self) -> None:
        """End every process of this copy."""
        for process in psutil.process_iter(["pid"]):
            try:
                if str(self.root) in " ".join(process.cmdline()) or process.cwd().startswith(str(self.root)):
                    process.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue
