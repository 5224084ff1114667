"""The whole local stack, brought up from a copy of the project with its own state and ports."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from components.site import Site
from obs.verify.clients import Clients
from tests.ports import free_base
from tests.sites import at_base
from vsi.local.access import access_at
from vsi.paths import StatePaths

ROOT = Path(__file__).parents[2]
PARTS = (
    "agents", "aws", "cohorts", "components", "demo", "docs", "engines", "k8s", "obs", "plugins",
    "requirements", "stacks", "targets", "tools", "vsi", "Pulumi.yaml", "__main__.py",
)  # fmt: skip
SECONDS = 1200
"""Deadline of one `obs` run, for a machine that does other things as well."""
PATIENCE = "3"
"""Of `obs verify`: tests are run beside others, on machines that are slow at times."""
WAIT_S = 300
"""Seconds to wait for what takes a few on a machine that does nothing else."""


@dataclass
class Shop:
    """A copy of the project and its running stack."""

    root: Path
    base: int
    environment: dict[str, str] = field(default_factory=dict)
    seconds: int = SECONDS

    @classmethod
    def make(cls, root: Path) -> "Shop":
        """Copy the working tree; nothing runs yet."""
        root.mkdir(parents=True)
        skip = shutil.ignore_patterns("__pycache__", ".mypy_cache")
        for name in PARTS:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, root / name, ignore=skip)
            else:
                shutil.copy(ROOT / name, root / name)
        (root / ".venv").symlink_to(sys.prefix)
        base = free_base(200)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
        kept.pop("OBS_STATE_DIR", None)
        return cls(root, base, {**kept, "OBS_PORT_BASE": str(base), "PYTHONDONTWRITEBYTECODE": "1"})

    @property
    def state(self) -> Path:
        """The stack's state folder."""
        return self.root / ".state" / "local"

    @property
    def at(self) -> Site:
        """Where its units listen."""
        return at_base(self.base)

    @property
    def stack_file(self) -> Path:
        """The stack file of the copy."""
        return self.root / "stacks" / "Pulumi.local.yaml"

    def clients(self) -> Clients:
        """Clients of everything that runs."""
        return Clients(access_at(StatePaths(self.state), self.at), "local")

    def obs(self, *arguments: str, expect: int | None = 0) -> "subprocess.CompletedProcess[str]":
        """`obs ARGUMENTS` to its end, with the exit code that is expected."""
        done = subprocess.run(
            [sys.executable, "-m", "obs", *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )
        if expect is not None:
            assert done.returncode == expect, (
                f"obs {arguments}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
            )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def status(self) -> dict[str, dict[str, Any]]:
        """Unit -> its row of `obs status`."""
        rows = json.loads(self.obs("status", "--json", expect=None).stdout)["units"]
        return {row["unit"]: row for row in rows}

    def pids(self) -> dict[str, int]:
        """Unit -> the id of its process."""
        return {name: int(row["pid"]) for name, row in self.status().items()}

    def whole(self) -> bool:
        """Whether everything runs and is as deployed."""
        return self.obs("status", "--json", expect=None).returncode == 0

    def processes(self) -> list[psutil.Process]:
        """What this stack runs: processes with its state folder in their command, environment or folder."""
        found = []
        for process in psutil.process_iter():
            try:
                text = " ".join(process.cmdline()) + process.environ().get("OBS_KEEPER", "") + process.cwd()
            except psutil.Error:
                continue
            if str(self.state) in text and process.pid != os.getpid():
                found.append(process)
        return found

    def leaders(self) -> dict[str, list[int]]:
        """Unit -> every process that was started as its own, whichever supervisor started it.

        A process knows its unit by its environment; Redis writes its title over that and is known by its
        working directory."""
        found: dict[str, list[int]] = {}
        units = self.state / "units"
        for process in self.processes():
            try:
                if os.getpgid(process.pid) != process.pid:
                    continue
                unit = process.environ().get("OBS_UNIT", "")
                folder = Path(process.cwd())
            except (psutil.Error, ProcessLookupError):
                continue
            if not unit and folder.is_relative_to(units):
                unit = folder.relative_to(units).parts[0]
            if unit:
                found.setdefault(unit, []).append(process.pid)
        return found

    def pulumi_locks(self) -> list[Path]:
        """What the engine left to keep others from the stack."""
        return list((self.root / ".state" / ".pulumi" / "locks").glob("**/*.json"))

    def clean_up(self) -> None:
        """End whatever is left."""
        for process in self.processes():
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue
