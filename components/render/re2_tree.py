"""Regular expressions of a stack file (RE2) as trees, for engines that speak another dialect: a program for
Lua, which has none (`lua_program`), and Onigmo's spelling (`onigmo`). Only what all understand alike is
taken; of the rest `tree` says what it is."""

import re
from dataclasses import dataclass
from typing import Any

Ranges = tuple[tuple[int, int], ...]
LAST = 0x10FFFF
_NEWLINE = 10
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_CLASSES: dict[str, Ranges] = {"d": ((48, 57),), "w": _WORD, "s": ((9, 10), (12, 13), (32, 32))}
_NAMED: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": ((48, 57),),
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": _WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_ASSERTS = {"A": "text_start", "z": "text_end", "b": "word", "B": "no_word"}
_REPEATED = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")


class NotCommonError(ValueError):
    """An expression that only RE2 reads so; the message says what of it."""


@dataclass(frozen=True)
class Node:
    """`set` (ranges), `assert` (what), `cat`, `alt`, `group` (name), `repeat` (least, most, greedy)."""

    kind: str
    parts: tuple["Node", ...] = ()
    ranges: Ranges = ()
    what: str = ""
    least: int = 0
    most: int | None = None
    greedy: bool = True


def normal(ranges: Ranges) -> Ranges:
    """The same characters, in order, in as few ranges as there can be."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def others(ranges: Ranges) -> Ranges:
    """All other characters."""
    found, at = [], 0
    for low, high in normal(ranges):
        if low > at:
            found.append((at, low - 1))
        at = high + 1
    return (*found, (at, LAST)) if at <= LAST else tuple(found)


def _folded(ranges: Ranges) -> Ranges:
    found = list(ranges)
    for low, high in ranges:
        if high > 127 and high - low < 0x10000:
            raise NotCommonError("a letter beyond ASCII under (?i)")
        for code in range(max(low, 65), min(high, 122) + 1):
            letter = chr(code)
            if letter.isalpha():
                found.append((ord(letter.swapcase()),) * 2)
                found += [(0x212A, 0x212A)] if letter in "kK" else []
                found += [(0x17F, 0x17F)] if letter in "sS" else []
    return normal(tuple(found))


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.flags = text, 0, frozenset[str]()

    def peek(self, width: int = 1) -> str:
        return self.text[self.at : self.at + width]

    def take(self, width: int = 1) -> str:
        found = self.peek(width)
        self.at += width
        return found

    def alternatives(self) -> Node:
        """Flags set inside a group end with it."""
        flags, branches = self.flags, [self._sequence()]
        while self.peek() == "|":
            self.take()
            branches.append(self._sequence())
        self.flags = flags
        return branches[0] if len(branches) == 1 else Node("alt", tuple(branches))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            if (part := self._atom()) is not None:
                parts.append(self._repeats(part))
        return Node("cat", tuple(parts))

    def _repeats(self, part: Node) -> Node:
        while True:
            counted = _REPEATED.match(self.text, self.at)
            sign = self.peek()
            if counted:
                self.at = counted.end()
                least = int(counted[1])
                most = least if not counted[2] else int(counted[3]) if counted[3] else None
            elif sign and sign in "*+?":
                self.take()
                least, most = (1 if sign == "+" else 0), (1 if sign == "?" else None)
            else:
                return part
            lazy = self.peek() == "?"
            if lazy:
                self.take()
            part = Node("repeat", (part,), least=least, most=most, greedy=not lazy)

    def _set(self, ranges: Ranges) -> Node:
        return Node("set", ranges=_folded(ranges) if "i" in self.flags else normal(ranges))

    def _atom(self) -> Node | None:
        sign = self.take()
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._set(self._class())
        if sign == ".":
            return Node("set", ranges=((0, LAST),) if "s" in self.flags else others(((_NEWLINE,) * 2,)))
        if sign in "^$":
            name = {"^": "start", "$": "end"}[sign]
            return Node("assert", what=f"{'line' if 'm' in self.flags else 'text'}_{name}")
        if sign == "\\":
            return self._escape()
        return self._set(((ord(sign),) * 2,))

    def _escape(self) -> Node | None:
        sign = self.peek()
        if sign in _ASSERTS:
            self.take()
            return Node("assert", what=_ASSERTS[sign])
        if sign == "Q":
            self.take()
            literal, found, rest = self.text[self.at :].partition("\\E")
            self.at = len(self.text) - len(rest) if found else len(self.text)
            return Node("cat", tuple(self._set(((ord(one),) * 2,)) for one in literal))
        return self._set(self._escaped())

    def _escaped(self) -> Ranges:
        """Behind a backslash, in a class or outside."""
        sign = self.take()
        if sign.lower() in _CLASSES:
            return _CLASSES[sign.lower()] if sign.islower() else others(_CLASSES[sign.lower()])
        if sign in _CONTROLS:
            return ((_CONTROLS[sign],) * 2,)
        if sign == "x":
            found = re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})").match(self.text, self.at)
            if found is None:
                raise NotCommonError("\\x")
            self.at = found.end()
            return ((int(found[1] or found[2], 16),) * 2,)
        if sign.isalnum() or sign == "":
            raise NotCommonError(f"\\{sign}")
        return ((ord(sign),) * 2,)

    def _class(self) -> Ranges:
        negated = self.peek() == "^"
        if negated:
            self.take()
        found: list[tuple[int, int]] = []
        first = True
        while first or self.peek() != "]":
            first = False
            low = self._member()
            if len(low) == 1 and low[0][0] == low[0][1] and self.peek() == "-" and self.peek(2) != "-]":
                self.take()
                high = self._member()
                low = ((low[0][0], high[0][1]),)
            found += low
        self.take()
        whole = _folded(tuple(found)) if "i" in self.flags else tuple(found)
        return others(whole) if negated else whole

    def _member(self) -> Ranges:
        named = re.compile(r"\[:(\^?)(\w+):\]").match(self.text, self.at)
        if named:
            self.at = named.end()
            return others(_NAMED[named[2]]) if named[1] else _NAMED[named[2]]
        sign = self.take()
        return self._escaped() if sign == "\\" else ((ord(sign),) * 2,)

    def _group(self) -> Node | None:
        named = re.compile(r"\?P?<(\w+)>").match(self.text, self.at)
        flagged = re.compile(r"\?([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])").match(self.text, self.at)
        flags, name = self.flags, ""
        if named:
            self.at, name = named.end(), named[1]
        elif flagged:
            self.at = flagged.end()
            if strange := {*flagged[1], *(flagged[2] or "")} - set("ims"):
                raise NotCommonError(f"the flag {min(strange)}")
            self.flags = (self.flags | set(flagged[1])) - set(flagged[2] or "")
            if flagged[3] == ")":
                return None
        inner = self.alternatives()
        self.take()
        self.flags = flags
        return Node("group", (inner,), what=name)


def tree(pattern: str) -> Node:
    """The expression, which RE2 accepts. NotCommonError where another engine would not read it alike."""
    return _Reader(pattern).alternatives()


def onigmo(node: Node) -> str:
    """The same in Onigmo's dialect; groups without a name take nothing out."""
    if node.kind == "set":
        if len(node.ranges) == 1 and node.ranges[0][0] == node.ranges[0][1]:
            return _character(node.ranges[0][0])
        return "[" + "".join(f"{_character(low)}-{_character(high)}" for low, high in node.ranges) + "]"
    if node.kind == "assert":
        return {
            "text_start": "\\A", "text_end": "\\z", "line_start": "^", "line_end": "$", "word": "\\b",
            "no_word": "\\B",
        }[node.what]  # fmt: skip
    inner = [onigmo(part) for part in node.parts]
    if node.kind == "cat":
        return "".join(inner)
    if node.kind == "repeat":
        least, most = node.least, "" if node.most is None else node.most
        return f"(?:{inner[0]}){{{least},{most}}}{'' if node.greedy else '?'}"
    return f"(?:{'|'.join(inner)})"


def _character(code: int) -> str:
    return chr(code) if 32 <= code < 127 and chr(code).isalnum() else f"\\x{{{code:x}}}"


_MOST_STEPS = 20_000


class _Program:
    """Steps for `components/render/lua/regex.lua`, which counts from 1."""

    def __init__(self) -> None:
        self.steps: list[list[Any]] = []
        self.groups: list[dict[str, Any]] = []

    def add(self, *step: Any) -> int:
        if len(self.steps) == _MOST_STEPS:
            raise NotCommonError("so many repetitions")
        self.steps.append(list(step))
        return len(self.steps)

    def put(self, node: Node) -> None:
        if node.kind == "set":
            whole = node.ranges == ((0, LAST),)
            self.add(*(("any",) if whole else ("set", [end for pair in node.ranges for end in pair])))
        elif node.kind == "assert":
            self.add("assert", node.what)
        elif node.kind == "cat":
            for part in node.parts:
                self.put(part)
        elif node.kind == "alt":
            self._alternatives(node.parts)
        elif node.kind == "group":
            self._group(node)
        else:
            self._repeat(node)

    def _alternatives(self, parts: tuple[Node, ...]) -> None:
        ends = []
        for part in parts[:-1]:
            split = self.add("split", len(self.steps) + 2, 0)
            self.put(part)
            ends.append(self.add("jump", 0))
            self.steps[split - 1][2] = len(self.steps) + 1
        self.put(parts[-1])
        for end in ends:
            self.steps[end - 1][1] = len(self.steps) + 1

    def _group(self, node: Node) -> None:
        if not node.what:
            return self.put(node.parts[0])
        slot = 3 + 2 * len(self.groups)
        self.groups.append({"name": node.what, "slot": slot})
        self.add("save", slot)
        self.put(node.parts[0])
        self.add("save", slot + 1)
        return None

    def _split(self, greedy: bool) -> int:
        """To what follows, or past it."""
        return self.add("split", *((len(self.steps) + 2, 0) if greedy else (0, len(self.steps) + 2)))

    def _repeat(self, node: Node) -> None:
        past, groups = (2 if node.greedy else 1), len(self.groups)
        open_ends = []
        for _ in range(node.least):
            del self.groups[groups:]  # the last pass counts
            self.put(node.parts[0])
        for _ in range((node.most or 0) - node.least):
            del self.groups[groups:]
            open_ends.append(self._split(node.greedy))
            self.put(node.parts[0])
        if node.most is None:
            del self.groups[groups:]
            loop = self._split(node.greedy)
            self.put(node.parts[0])
            self.add("jump", loop)
            open_ends.append(loop)
        for end in open_ends:
            self.steps[end - 1][past] = len(self.steps) + 1


def lua_program(pattern: str) -> dict[str, Any]:
    """The expression as a program of `components/render/lua/regex.lua`."""
    program, node = _Program(), tree(pattern)
    program.put(node)
    program.add("match")
    first = _first(node)
    return {
        "steps": program.steps,
        "slots": 2 + 2 * len(program.groups),
        "groups": program.groups,
        **({"first": _lua_set(first)} if first else {}),
    }


def _first(node: Node) -> Ranges:
    """The characters of which a match begins with one; none where that is not certain or is beyond ASCII."""
    if node.kind == "set":
        return node.ranges if node.ranges[-1][1] < 128 else ()
    if node.kind in ("cat", "group"):
        for part in node.parts:
            if part.kind != "assert":
                return _first(part)
        return ()
    if node.kind == "repeat":
        return _first(node.parts[0]) if node.least else ()
    found = [_first(part) for part in node.parts]
    return normal(tuple(one for ranges in found for one in ranges)) if found and all(found) else ()


def _lua_set(ranges: Ranges) -> str:
    """A class of Lua's own patterns, in which a sign has a `%` before it."""
    found = []
    for low, high in ranges:
        for code in range(low, high + 1):
            if code == 0:
                return ""
            found.append(chr(code) if chr(code).isalnum() else f"%{chr(code)}" if code > 32 else chr(code))
    return f"[{''.join(found)}]"
