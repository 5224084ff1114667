"""Two canonical forms held against each other: what is equal, what differs as declared, what differs."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from components.parity.content import ASPECTS, Content


@dataclass(frozen=True)
class Declared:
    """A difference that two targets are to have, and why."""

    reason: str
    where: tuple[str, ...]
    """Patterns of `<aspect>: <path>`; `*` matches slashes too."""
    apart: str = ""
    """A regular expression: with what it matches taken out of both values they must be equal; '' where they
    may differ altogether, or where only one says something at all."""

    def covers(self, aspect: str, path: str, one: str | None, other: str | None) -> bool:
        """Whether this is the difference that is meant."""
        place = f"{aspect}: {path}"
        if not any(fnmatchcase(place, pattern) for pattern in self.where):
            return False
        if not self.apart:
            return True
        return re.sub(self.apart, "", one or "") == re.sub(self.apart, "", other or "")


@dataclass(frozen=True)
class Difference:
    """One value that differs; None where one of the two says nothing there."""

    aspect: str
    path: str
    one: str | None
    other: str | None


@dataclass
class Comparison:
    """What came out."""

    equal: Counter[str] = field(default_factory=Counter)
    """By aspect."""
    declared: list[tuple[Difference, Declared]] = field(default_factory=list)
    different: list[Difference] = field(default_factory=list)
    unused: list[Declared] = field(default_factory=list)
    """Declared, and not found."""

    def of(self, aspect: str) -> tuple[int, int, int]:
        """How many values are equal, differ as declared, differ."""
        declared = sum(difference.aspect == aspect for difference, _ in self.declared)
        return self.equal[aspect], declared, sum(item.aspect == aspect for item in self.different)


def compare(one: Content, other: Content, declared: Sequence[Declared]) -> Comparison:
    """Hold one against the other."""
    found = Comparison()
    used: set[int] = set()
    for difference in _values(one, other):
        if difference.one == difference.other:
            found.equal[difference.aspect] += 1
            continue
        covering = next((item for item in declared if item.covers(*_told(difference))), None)
        if covering is None:
            found.different.append(difference)
        else:
            used.add(id(covering))
            found.declared.append((difference, covering))
    found.unused = [item for item in declared if id(item) not in used]
    return found


def _told(difference: Difference) -> tuple[str, str, str | None, str | None]:
    return difference.aspect, difference.path, difference.one, difference.other


def _values(one: Content, other: Content) -> Iterable[Difference]:
    for aspect in ASPECTS:
        left, right = one.get(aspect, {}), other.get(aspect, {})
        for path in sorted(left.keys() | right.keys()):
            yield Difference(aspect, path, left.get(path), right.get(path))
