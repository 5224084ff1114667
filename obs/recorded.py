"""What the engine's state knows of a stack by itself, for when its stack file is gone or broken.

Refresh and destroy run no program and need only how secrets in the state are protected. The engine reads that
in the stack file, and writes it there, whatever it is told: so it gets a folder of links to the project, with
a stack file made of the state.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_KEYS = {"salt": "encryptionsalt", "url": "secretsprovider", "encryptedkey": "encryptedkey"}
"""As the state names them, and as a stack file does."""


def configuration(deployment: Mapping[str, Any] | None) -> str:
    """The stack file of a state: no settings, only how its secrets are protected. '' if it does not say."""
    known = ((deployment or {}).get("secrets_providers") or {}).get("state") or {}
    return "".join(f"{name}: {json.dumps(known[key])}\n" for key, name in _KEYS.items() if known.get(key))


def protected(
    checkpoint: Path | None, exported: Callable[[], Mapping[str, Any] | None]
) -> list[tuple[str, str]]:
    """Type and id of each resource that the engine does not take away: by its file of a stack's state; where
    that is no file of this machine, by what it exports."""
    resources = _resources(checkpoint) if checkpoint else (exported() or {}).get("resources") or []
    return [(item["type"], item.get("id", "")) for item in resources if item.get("protect")]


def urns(checkpoint: Path | None) -> list[str]:
    """The resources in the engine's own file of a stack's state; none if it is not there, or no such file."""
    return [resource["urn"] for resource in _resources(checkpoint)] if checkpoint else []


def _resources(checkpoint: Path) -> list[dict[str, Any]]:
    return list((deployment(checkpoint) or {}).get("resources") or ())


def deployment(checkpoint: Path | None) -> Mapping[str, Any] | None:
    """A stack's state as the engine's own file has it, secrets encrypted; None if there is none to read.
    To ask the engine for it is a start of it, in which it derives the key of the secrets once more."""
    try:
        found: Any = json.loads(checkpoint.read_bytes())["checkpoint"]["latest"] if checkpoint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


@contextmanager
def project_of_links(root: Path, stack: str, configuration: str) -> Iterator[Path]:
    """A folder that is the project in `root` with that configuration in place of all stack files."""
    with tempfile.TemporaryDirectory(prefix="obs-") as folder:
        stacks = Path(folder) / "stacks"
        stacks.mkdir()
        for entry in [*root.iterdir(), *(root / "stacks").iterdir()]:
            link = Path(folder) / entry.relative_to(root)
            if link != stacks and not link.match("stacks/Pulumi.*"):
                link.symlink_to(entry)
        (stacks / f"Pulumi.{stack}.yaml").write_text(configuration, encoding="utf-8")
        yield Path(folder)
