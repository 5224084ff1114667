"""Label matchers, as in `code=~"5.."`, and label values that they tell apart."""

import re

from components.spec.base import compile_re2

_MATCHER = re.compile(r'^(\w+)(=~|!~|!=|=)"(.*)"$')
_USUAL = ("500", "200", "0", "1", "error", "ok", "false", "true", "failed", "success", "a", "")
_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-. /:,;#%&*+<=>@^~!$'()?[]`|"
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[A-Za-z-]*:))?")
_FLAGS = re.compile(r"\(\?[A-Za-z-]+\)")
_ATOM = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|[^\]])*\]|.", re.DOTALL)
_TIMES = re.compile(r"([*+?])\??")


def label(matcher: str) -> str:
    """The label that a matcher looks at."""
    return _parts(matcher)[0]


def examples(matcher: str) -> tuple[str, str]:
    """A label that `matcher` does not pick and one that it picks, as in `code="200"` and `code="500"`.

    The rules' tests are made of them, so a matcher for which one of the two cannot be found is refused: its
    alerts could not be shown to fire and to keep silent. ValueError says which one."""
    name, operator, value = _parts(matcher)
    pattern = compile_re2(value) if "~" in operator else None

    def fits(item: str) -> bool:
        return item == value if pattern is None else pattern.fullmatch(item) is not None

    fitting = (_written(value) if pattern else value, value, *_USUAL)
    inside = next((item for item in fitting if fits(item)), None)
    outside = next((item for item in ("200", *_USUAL, f"not-{value}") if not fits(item)), None)
    good, bad = (inside, outside) if "!" in operator else (outside, inside)
    for found, what in ((bad, "picks"), (good, "does not pick")):
        if found is None:
            raise ValueError(
                f"expected a matcher whose alerts can be tested; found no example of a value of {name!r} "
                f"that it {what}. Put it more simply, as in 'code=~\"5..\"'"
            )
    return f'{name}="{good}"', f'{name}="{bad}"'


def _parts(matcher: str) -> tuple[str, str, str]:
    match = _MATCHER.match(matcher)
    if match is None:
        raise ValueError(f"expected a label matcher, as in 'code=~\"5..\"', not {matcher!r}")
    return match[1], match[2], match[3]


def _written(pattern: str) -> str:
    """A text that `pattern` probably matches: of alternatives the first, of a class its first character, of
    what may be absent nothing. Matchers hold neither backslashes nor braces."""

    def alternatives(at: int) -> tuple[str, int]:
        texts = [""]
        while at < len(pattern) and pattern[at] != ")":
            if pattern[at] == "|":
                texts.append("")
                at += 1
            elif flags := _FLAGS.match(pattern, at):
                at = flags.end()
            else:
                text, at = one(at)
                times = _TIMES.match(pattern, at)
                texts[-1] += "" if times and times[1] in "*?" else text
                at = times.end() if times else at
        return texts[0], at

    def one(at: int) -> tuple[str, int]:
        if group := _GROUP.match(pattern, at):
            text, end = alternatives(group.end())
            return text, end + 1
        atom = _ATOM.match(pattern, at)
        assert atom is not None  # noqa: S101 - it matches any character
        return _character(atom[0]), atom.end()

    return alternatives(0)[0]


def _character(atom: str) -> str:
    if len(atom) == 1 and atom not in ".^$":
        return atom
    compiled = compile_re2(atom)
    return next((character for character in _CHARACTERS if compiled.fullmatch(character)), "")
