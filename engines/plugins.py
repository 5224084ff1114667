"""Where the Pulumi engine has plugins, and whether it finds one: it fetches none by itself here."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from engines.setting import default_cache

PREFIX = "pulumi-resource-"
"""How the program of a provider is called."""


def pulumi_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the Pulumi engine that `obs` starts keeps what it installs."""
    return Path(environ.get("PULUMI_HOME") or default_cache() / "pulumi-home")


def has_provider(name: str, version: str, home: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the provider of that name is on PATH, or in that version in Pulumi's own folder."""
    installed = home / "plugins" / f"resource-{name}-v{version}"
    on_path = shutil.which(f"{PREFIX}{name}", path=environ.get("PATH", os.defpath))
    return on_path is not None or installed.is_dir()
