"""Which of the engine's resources are parts of a stack, and what people call them."""

from collections.abc import Iterable
from typing import Any

from components.plan import Part, name_of


def kinds() -> tuple[type[Part], ...]:
    """Every kind of part that there is."""
    from targets import MODULES, target

    return tuple(kind for name in MODULES for kind in target(name).kinds)


class Parts:
    """The parts of one stack, as far as they are known: those of its plan, those in the engine's state, and
    those that its events speak of."""

    def __init__(self, kinds: Iterable[type[Part]], ids: Iterable[str] = ()) -> None:
        self._kinds = {token: kind for kind in kinds for token in kind.TOKENS}
        self._ids: dict[str, set[str]] = {}
        """By name: a stack has hundreds of parts, and each is called something in each of its events."""
        self._below: dict[str, str] = {}
        for part in ids:
            self._know(part)

    def learn(self, urns: Iterable[str]) -> None:
        """Take note of resources, so that names are told apart before events speak of them."""
        for urn in urns:
            self.id_of(urn)

    def kind_of(self, urn: str) -> type[Part] | None:
        """The kind of the part that a resource carries out; None if it carries out none."""
        return self._kinds.get(urn.split("::")[2].rsplit("$", 1)[-1])

    def id_of(self, urn: str) -> str | None:
        """`prometheus@local` of `urn:pulumi:local::observability::…::prometheus@local`; None for what carries
        out no part."""
        if self.kind_of(urn) is None:
            return None
        part = urn.split("::", 3)[3]
        self._know(part)
        return part

    def carrying(self, step: Any) -> str | None:
        """The part that a step is about, itself or something below it; None for what is below no part."""
        if own := self.id_of(step.urn):
            return own
        state = step.new or step.old
        above = getattr(state, "parent", None) or ""
        if above and (part := self.below(above)):
            self._below[step.urn] = part
        return self._below.get(step.urn)

    def below(self, urn: str) -> str | None:
        """The part that a resource carries out, or is known to be below."""
        return self.id_of(urn) or self._below.get(urn)

    def label(self, part: str) -> str:
        """What people call a part: its name, or its id where another one has the same name."""
        name = name_of(part)
        return name if self._ids.get(name, set()) <= {part} else part

    def _know(self, part: str) -> None:
        self._ids.setdefault(name_of(part), set()).add(part)
