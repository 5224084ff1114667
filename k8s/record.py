"""What was brought up where, as last planned: for status and logs, which know no plan.

Stands beside the stack's other state on the control machine. Holds no secret.
"""

import json
import os
from pathlib import Path

from pydantic import ValidationError

from components.errors import SuiteError
from components.plan import Frozen, Pillar
from k8s.names import PART_OF
from k8s.parts import Cluster, KubernetesPlan, Manifest, Release
from k8s.running import Stack

FILE = "cluster.json"


class Record(Frozen):
    """`cluster.json`."""

    cluster: Cluster
    part_of: str
    releases: tuple[tuple[str, Pillar], ...]
    own: tuple[tuple[str, Pillar], ...]

    @classmethod
    def of(cls, plan: KubernetesPlan) -> "Record":
        """As a plan has it."""
        own = [part for part in plan.parts if isinstance(part, Manifest) and part.kind == "Deployment"]
        any_of_ours = next(part for part in plan.parts if isinstance(part, Manifest))
        return cls(
            cluster=plan.cluster,
            part_of=any_of_ours.body["metadata"]["labels"][PART_OF],
            releases=tuple(
                sorted((part.name, part.pillar) for part in plan.parts if isinstance(part, Release))
            ),
            own=tuple(sorted((part.object_name, part.pillar) for part in own)),
        )

    @property
    def stack(self) -> Stack:
        """How its objects are known."""
        return Stack(self.part_of, dict(self.releases), dict(self.own))


def folder(stack: str) -> Path:
    """Of a stack's state on this machine."""
    base = os.environ.get("OBS_STATE_DIR")
    root = Path(base) if base else Path(__file__).resolve().parents[1] / ".state"
    return root / stack


def _file(stack: str) -> Path:
    return folder(stack) / FILE


def remember(plan: KubernetesPlan) -> None:
    """Write it, where it differs."""
    file = _file(plan.stack)
    text = json.dumps(Record.of(plan).model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def recall(stack: str) -> Record | None:
    """What was written; None if nothing was. SuiteError if it cannot be read."""
    file = _file(stack)
    try:
        return Record.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        said = str(error).splitlines()[0]
        raise SuiteError(
            f"{file}: {said}. Take the file away; the next `obs up {stack}` writes it anew"
        ) from None


def is_there(stack: str) -> bool:
    """Whether a stack was brought up from here and not taken down."""
    return _file(stack).exists()


def forget(stack: str) -> None:
    """Nothing of it is left."""
    _file(stack).unlink(missing_ok=True)
