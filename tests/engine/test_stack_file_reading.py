"""What the loader accepts, the Pulumi engine reads as the same values: thousands of generated ones, and whole
documents, in a few calls of the real CLI."""

import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.loader import KEY
from stacks.source import StackFileError, parse
from targets.program import _comparable
from tests.engine.project import find_pulumi

pytestmark = pytest.mark.engine
PULUMI = find_pulumi()
SEED = 20261125
Read = Callable[[str], Any]
ODD = [
    "2026-11-25", "2026-1-5", "2026-11-25T10:00:00Z", "2026-11-25 10:00:00", "2026-13-45", "20261125",
    "0123", "08", "0x1F", "0o17", "0b11", "-0b1", "0b-1", "0o-7", "1_000", "1_0.5", "_1", "7e12345",
    "1e400", "-1e400", "1e-400", ".inf", "-.INF", "+.Inf", ".nan", ".NaN", "inf", "nan", "Infinity", "1e3",
    ".5", "5.", "+5", "-0", "+.5e-3", "12345678901234567", "123456789012345678", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "yes", "no", "on", "off", "y", "n", "Yes", "TRUE",
    "True", "tRUE", "~", "null", "Null", "NULL", "nULL", "=", "<<", "1:30", "190:20:30", "1.2.3", "1,000",
    "12e03", "0.10", "00", "-00", "+", "-", ".", "1e", "e1", "0x", "0o8", "0b2", "1__0", "0_", "5_", "-_5",
    "+_", "._1", "0x_f", "1 000", "0.1.2", "1/2", "!", "%a", "a#b", "a:b", "https://x:1/y", "café", "東京",
    "a\u00a0b", "2026-11-25 is the day", "0001-01-01",
]  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The value of `obs:spec` as the Pulumi CLI reads it from the text of a stack file."""
    if PULUMI is None:
        pytest.skip("no Pulumi CLI: obs engines build pulumi")
    folder = tmp_path_factory.mktemp("reading")
    (folder / "Pulumi.yaml").write_text("name: reading\nruntime: python\n")
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{folder}/state?create_dir=true",
        "PULUMI_CONFIG_PASSPHRASE": "reading",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(*arguments: str) -> str:
        return subprocess.run(
            [str(PULUMI), "--non-interactive", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=60,
        ).stdout

    run("stack", "init", "s")

    def value(text: str) -> Any:
        (folder / "Pulumi.s.yaml").write_text(text, encoding="utf-8")
        return json.loads(run("config", "--json", "-s", "s"))[KEY]["objectValue"]

    return value


def _ours(text: str, folder: Path) -> Any:
    """What the loader reads; None if it refuses the file."""
    file = folder / "x.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        return parse(file, "x").plain()["config"][KEY]
    except StackFileError:
        return None


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict):
        return (
            isinstance(theirs, dict)
            and ours.keys() == theirs.keys()
            and all(_same(value, theirs[key]) for key, value in ours.items())
        )
    if isinstance(ours, tuple):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(_same, ours, theirs))
    number = isinstance(ours, int | float) and not isinstance(ours, bool)
    return bool(ours == theirs) and (number or type(ours) is type(theirs))


def _scalars() -> list[str]:
    chance = random.Random(SEED)  # noqa: S311 - the same ones each time
    characters = [
        "0123456789",
        "0123456789+-._eE",
        "01xXoObB_-+",
        "0123456789-: TtZ.",
        ".infINFanN+-",
        "truefalsnyo",
    ]
    texts = [
        "".join(chance.choice(chance.choice(characters)) for _ in range(chance.randint(1, 9)))
        for _ in range(800)
    ]
    texts += [
        "".join(chance.choice(kind) for _ in range(chance.randint(1, 12)))
        for kind in characters
        for _ in range(80)
    ]
    return [*ODD, *texts]


@pytest.mark.parametrize("form", ["k: {}", "{}: v"])
def test_what_the_loader_takes_is_read_alike(form: str, read: Read, tmp_path: Path) -> None:
    head = f"config:\n  {KEY}:\n"
    lines = [form.format(text) for text in _scalars()]
    taken = [(line, ours) for line in lines if (ours := _ours(f"{head}    {line}\n", tmp_path)) is not None]
    theirs = read(head + "".join(f"    - {line}\n" for line, _ in taken))
    assert not [
        f"{line!r}: {ours!r} != {their!r}"
        for (line, ours), their in zip(taken, theirs, strict=True)
        if not _same(ours, their) or _comparable(ours) != _comparable(their)
    ]
    assert len(taken) > 500, "too few are taken for the comparison to mean much"


def _value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randint(0, 9 if depth < 3 else 6)
    if kind < 5:
        pieces = [
            "a",
            "b ",
            " c",
            ": ",
            " #",
            "\n",
            "\n\n",
            "\t",
            "'",
            '"',
            "\\",
            "é",
            "😀",
            "- ",
            "{",
            "]",
            ",",
            "&",
            "%",
            "5",
        ]
        return "".join(chance.choice(pieces) for _ in range(chance.randint(0, 8)))
    if kind == 5:
        return chance.choice([None, True, False, 5, -3, 0.25, 1e21, 10**15])
    if kind == 6:
        return chance.choice(ODD)
    if kind < 9:
        return {f"k{index}": _value(chance, depth + 1) for index in range(chance.randint(0, 3))}
    return [_value(chance, depth + 1) for _ in range(chance.randint(0, 3))]


def test_whole_documents_are_read_alike(read: Read, tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - the same ones each time
    taken: list[tuple[str, Any]] = []
    for _ in range(200):
        style = chance.choice([None, None, "'", '"', "|", ">"])
        text = yaml.safe_dump(
            {"d": _value(chance)},
            default_style=style,
            default_flow_style=chance.choice([True, False, None]),
            allow_unicode=chance.random() < 0.5,
            width=chance.choice([20, 80]),
        )
        block = "".join(f"        {line}\n" if line else "\n" for line in text.removesuffix("\n").split("\n"))
        ours = _ours(f"config:\n  {KEY}:\n    x:\n      - y: 1\n{block}", tmp_path)
        if ours is not None:
            taken.append((block, ours["x"][0]))
    theirs = read(f"config:\n  {KEY}:\n    x:\n" + "".join(f"      - y: 1\n{block}" for block, _ in taken))[
        "x"
    ]
    assert len(taken) > 50
    assert not [
        (block, ours, their)
        for (block, ours), their in zip(taken, theirs, strict=True)
        if not _same(ours, their)
    ]
