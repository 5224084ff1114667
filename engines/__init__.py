"""Engines: the programs that a stack runs, downloaded or built once into a cache."""

from engines.errors import EngineError
from engines.progress import Progress, Shown, Silent
from engines.setting import default_cache
from engines.store import Artifact, Store

__all__ = ["Artifact", "EngineError", "Progress", "Shown", "Silent", "Store", "default_cache"]
