"""What Fluent Bit's script blots out, in LuaJIT: the collector's cases, and expressions as RE2 reads them."""

import hashlib
import re
from functools import cache
from typing import Any

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from components.render import fluent_bit
from components.render.re2_tree import NotCommonError, lua_program, onigmo, tree
from tests.render import fluent_bit_script, go_cases
from tests.render.fluent_bit_script import Script

CARD = "4111111111111111"
MARK = "[card $1]"


def _with(*rules: dict[str, Any]) -> Script:
    found = {
        "id_key": fluent_bit.ID, "index_key": fluent_bit.INDEX, "rejected": "logs-rejected", "fields": {},
        "labels": {}, "enrichment": {}, "sampling": {}, "window": {"past": 86_400, "future": 86_400},
        "whole_ids": ["trace_id", "span_id", "transaction_id", "X-Request-Id"], "rules": list(rules),
        "sources": {
            f"logs.{form}": fluent_bit.described(fluent_bit_script.source(form, form))
            for form in ("json", "text")
        },
    }  # fmt: skip
    return fluent_bit_script.with_settings(found)


@cache
def _cards() -> Script:
    return _with({"check": "card", "replacement": MARK})


def _line(script: Script, text: str) -> str:
    made = script.call("logs.text", (1, 0), {"log": text, "path": "/a", "offset": 1})
    assert fluent_bit.INDEX not in made.record
    return str(made.record["message"])


@pytest.mark.parametrize("text", go_cases.texts("scrub/card_test.go", "TestWhatIsACardIsFound"))
def test_a_card_is_found(text: str) -> None:
    got = _line(_cards(), f"x {text} y")
    assert MARK in got
    assert len(re.sub("[^0-9]", "", got)) <= 9, "a date and the mark's own digit may be left"


@pytest.mark.parametrize("text", go_cases.texts("scrub/card_test.go", "TestWhatIsNoCardStays"))
def test_what_is_no_card_stays(text: str) -> None:
    assert _line(_cards(), f"x {text} y") == f"x {text} y"


MAIL = r"[a-z.]+@[a-z.]+"
OWN = [
    (MAIL, None, "[mail]", "to a.b@c.example now", "to [mail] now"),
    (MAIL, None, "[mail]", "?to=a.b%40c.example&x=1", "?to=[mail]&x=1"),
    (MAIL, None, "[mail]", r"{\"to\":\"a.b\\u0040c.example\"}", r"{\"to\":\"[mail]\"}"),
    (MAIL, None, "[mail]", "a.b%2540c.example a@b", "[mail] [mail]"),
    (MAIL, None, "[mail]", "a.b&#64;c.example", "[mail]"),
    (r"(?i)password=\S+", None, "[secret]", "PassWord=x%20y z", "[secret] z"),
    (r"\bkey-\d+\b", None, "[key]", r"a\nkey-17\tb", r"a\n[key]\tb"),
    ("secret", None, "[secret]", r"secret%20secret \u0073ecret", "[secret]%20[secret] [secret]"),
    (r"\d{10}", "luhn", "[id]", "1234567897 1234567890", "[id] 1234567890"),
    (r"\d+(?: \d+)*", "luhn", "[id]", "7 1234567897 x", "7 [id] x"),
    (r"\b\d{4}(?:[ -]?\d){8,15}\b", "card", "[card]", "4111 1111 1111 1111 2026 12", "[card] 2026 12"),
    (r"\b\d{4}(?:[ -]?\d){8,15}\b", "card", "[card]", "4111111111111112", "4111111111111112"),
]


@pytest.mark.parametrize(("pattern", "check", "mark", "text", "wanted"), OWN)
def test_own_patterns(pattern: str, check: str | None, mark: str, text: str, wanted: str) -> None:
    rule = {"program": lua_program(pattern), "replacement": mark, **({"check": check} if check else {})}
    assert _line(_with(rule), text) == wanted


def test_names_and_numbers_at_any_depth_are_blotted_out() -> None:
    line = f'{{"{CARD}":1,"n":{CARD},"in":{{"a":[{{"b":"{CARD}"}}]}},"4111 1111 1111 1111":2}}'
    made = _cards().call("logs.json", (1, 0), {"log": line, "path": "/a", "offset": 1})
    assert CARD not in str(made.record)
    assert made.record["in"] == {"a": [{"b": MARK}]}
    assert {made.record[MARK], made.record[f"{MARK}-2"]} == {1, 2}


@pytest.mark.parametrize(
    ("key", "value", "whole"),
    [
        ("transaction_id", "47223179-9330-4259-b66c-f2db26efb20c", True),
        ("x-request-id", "01ARZ3NDEKTSV4RRFFQ6912345", True),
        ("trace_id", "44444444444444444444444444444444", True),
        ("transaction_id", CARD, False),
        ("transaction_id", "4111-1111-1111-1111", False),
        ("transaction_id", "order 47223179-9330-4259-b66c-f2db26efb20c", False),
        ("other", "47223179-9330-4259-b66c-f2db26efb20c", False),
    ],
)
def test_ids_stay_whole_while_they_have_the_form_of_one(key: str, value: str, whole: bool) -> None:
    script = _with({"program": lua_program(r"\d{4}(?:-?\d{4})+"), "replacement": "[gone]"})
    made = script.call("logs.json", (1, 0), {"log": f'{{"{key}":"{value}"}}', "path": "/a", "offset": 1})
    assert (made.record[key] == value) is whole


def test_hashes_are_sha_256() -> None:
    """So that the records of a trace stay or go alike whoever ships them."""
    hash_of = _cards().lua.eval(b"require('sha256')")
    for text in ("", "abc", "a" * 55, "a" * 56, "ä" * 64, "x" * 1000):
        assert hash_of(text.encode()).decode() == hashlib.sha256(text.encode()).hexdigest()


PIECES = st.sampled_from(
    ["a", "b", "ab", ".", r"\d", r"\w", r"\S", "[a-c]", "[^b]", "x|a", "(a|ab)", r"\b", "^", "$", "(?i:B)",
     "é", "[[:digit:]]", "(?P<g>a+)", r"\.", r"\x{e9}", "[^[:space:]]"]
)  # fmt: skip
TIMES = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?", "??", "{1,2}?"])
PATTERNS = st.lists(st.tuples(PIECES, TIMES), min_size=1, max_size=5).map(
    lambda parts: "".join(f"(?:{piece}){times}" for piece, times in parts)
)
TEXTS = st.text(alphabet="aAbBc1 é.x\n", max_size=12)


@settings(max_examples=400, deadline=None)
@given(pattern=PATTERNS, text=TEXTS)
def test_an_expression_matches_what_re2_matches(pattern: str, text: str) -> None:
    pattern = pattern.replace("(?P<g>", "(?:") if pattern.count("(?P<g>") > 1 else pattern
    wanted = re2.compile(pattern).search(text)
    found = _find(pattern, text)
    assert found == (None if wanted is None else tuple(len(text[:at].encode()) for at in wanted.span()))


def _find(pattern: str, text: str) -> tuple[int, int] | None:
    lua = _cards().lua
    program = lua.eval(fluent_bit.lua_text(lua_program(pattern)).encode())
    found = lua.eval(b"function(program, text) return require('regex').find(program, text) end")(
        program, text.encode()
    )
    return None if found is None else (int(found[0]) - 1, int(found[1]) - 1)


@pytest.mark.parametrize("pattern", [r"\pL+", r"(?U)a+", r"\C"])
def test_what_only_re2_reads_is_said(pattern: str) -> None:
    with pytest.raises(NotCommonError):
        tree(pattern)


def test_onigmo_is_told_nothing_that_it_reads_otherwise() -> None:
    """Its `^` and `$` are of lines, its `\\d` and `\\w` of all scripts, and `${` would be expanded."""
    assert onigmo(tree(r"^\d{2}(?i:k)$ ${x}")) == (
        r"\A(?:[0-9]){2,2}(?:[K-Kk-k\x{212a}-\x{212a}])\z\x{20}\z\x{7b}x\x{7d}"
    )
