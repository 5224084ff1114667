"""Engines: the programs that a stack runs, downloaded or built once into a cache."""

from pathlib import Path

from engines.errors import EngineError
from engines.progress import Progress, Shown, Silent
from engines.setting import default_cache
from engines.store import Artifact, Store

__all__ = ["Artifact", "EngineError", "Progress", "Shown", "Silent", "Store", "default_cache", "java_home"]


def java_home() -> Path | None:
    """Home of the Java that OpenSearch runs on here (version 17 or later); None when there is none yet.

    `Store.ensure(["opensearch"])` installs one into the cache where the machine has none.
    """
    from engines.store import TOOLS
    from engines.toolchains import find_java

    return find_java(default_cache(), TOOLS)
