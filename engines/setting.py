"""Where engines are kept and how they are to be had: what the environment says of it."""

import os
import platform as machine
import sys
from dataclasses import dataclass
from pathlib import Path

CHANNEL_VARIABLE = "OBS_ENGINE_CHANNEL"
MIRROR_VARIABLE = "OBS_ENGINE_MIRROR"
CACHE_VARIABLE = "OBS_CACHE"


@dataclass(frozen=True)
class Setting:
    """What getting an engine depends on beside the catalogue."""

    cache: Path
    tools: Path
    """The folders that engines are built from."""
    platform: str
    """What they are for, `linux/amd64`."""

    @property
    def native(self) -> bool:
        """Whether they are for this machine."""
        return self.platform == this_platform()


def default_cache() -> Path:
    """`$OBS_CACHE`, else `~/.cache/obs`."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "obs").absolute()


def this_platform() -> str:
    """The platform of this machine as the catalogue names it, `linux/amd64`."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    return f"{sys.platform}/{names.get(machine.machine(), machine.machine())}"


def mirror() -> str | None:
    """The base URL that stands for scheme and host of every official address, where one is set."""
    return os.environ.get(MIRROR_VARIABLE) or None
