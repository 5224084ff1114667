"""Have promtool prove the rule tests that it has not proved yet, on all processors.

A stack of a hundred services has some three hundred files of tests, and a change mostly concerns one of them.
What passed is remembered by a digest of all that the verdict rests on: the tests, the rules that they name,
and promtool itself. So nothing is tested twice, and nothing that differs in a byte is not tested.

But for names: of services whose rules and tests differ in nothing but the values of the labels of their
`obs:service_info` (which service it is, whose, which version), one is tested for all, since promtool's
verdict does not rest on what a value is called. Each occurrence of such a value is exchanged for the label's
place, so what is called like something else in its own file (a service `rate`, an owner `platform`) is like
no other, and is tested by itself.

    python -m agents.rule_tests --promtool PROMTOOL --passed FILE tests

Exit 0 when all of a folder pass; 1 with promtool's words, or when a file cannot be read.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

FILES_A_RUN = 20
"""Test files that one promtool takes: it needs a while to start, and of a run in which one fails nothing is
known of the others."""
ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "off", "GOMEMLIMIT": "256MiB"}
"""There is a promtool for each processor, and none lives for long: a third less work than by default."""
REMEMBERED = 5
"""How many times the number of the present files is remembered, so that a change taken back is known."""
_FAILURE = re.compile(r"^( *name: )(.+)(,\n *alertname: (\w+), time: (\w+),)", re.MULTILINE)
_INFO = re.compile(r"record: obs:service_info\n.*\n +labels:\n((?: +\w+: .+\n)+)")
_LABEL = re.compile(r"^ +\w+: (.+)$", re.MULTILINE)
_WRAPPED = re.compile(r"\n +(?! |- |[\w:.\"']+:(?: |$))", re.MULTILINE)
"""A line of YAML that goes on in the next: where it is broken depends on the length of names."""
_RULE_FILES = re.compile(r"^rule_files:\n((?:\s*- .+\n)+)", re.MULTILINE)


def digest(promtool: str, test: Path) -> str | None:
    """Of everything that the verdict on a test file rests on, names exchanged for their places; None where
    that cannot be told, so that it is always tested. OSError if a file of it cannot be read."""
    text = test.read_text(errors="surrogateescape")
    found = _RULE_FILES.search(text)
    if found is None:
        return None
    names = [line.strip().removeprefix("- ").strip("'\"") for line in found[1].splitlines()]
    if any(set(name) & set("*?[\\") for name in names):
        return None
    rules = [(test.parent / name).read_text(errors="surrogateescape") for name in names]
    whole = "\0".join((promtool, text, *(part for pair in zip(names, rules, strict=True) for part in pair)))
    return hashlib.sha256(nameless(whole, rules).encode(errors="surrogateescape")).hexdigest()


def nameless(whole: str, rules: Iterable[str]) -> str:
    """The text with each value of the labels of `obs:service_info` exchanged for the label's place."""
    info = next(filter(None, map(_INFO.search, rules)), None)
    if info is None:
        return whole
    values = dict.fromkeys(value.strip("'\"") for value in _LABEL.findall(info[1]))
    places = {value: f"\0{place}\0" for place, value in enumerate(values) if value}
    longest = "|".join(map(re.escape, sorted(places, key=len, reverse=True)))
    value = re.compile(rf"(?<!\w)(?:{longest})(?!\w)")
    return value.sub(lambda found: places[found[0]], _WRAPPED.sub(" ", whole))


def identity(promtool: Path) -> str:
    """What changes when promtool does."""
    info = promtool.stat()
    return f"{promtool}:{info.st_size}:{info.st_mtime_ns}"


def read_passed(file: Path) -> list[str]:
    """The digests that passed, oldest first; none if the file is missing or damaged."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def write_passed(file: Path, digests: Iterable[str]) -> None:
    """Keep them; a folder that cannot be written only costs time, the next time."""
    new = file.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text(json.dumps(list(digests)))
        new.replace(file)


def brief(said: str) -> str:
    """What promtool says of failures, with the one case each is about: it repeats the name of the whole test,
    in which every case on the same data has its part."""

    def part(found: re.Match[str]) -> str:
        before, name, after, alert, at = found.groups()
        cases = [case for case in name.split("; ") if re.match(rf"{alert} \w+ at {at}: ", case)]
        return f"{before}{'; '.join(cases) or name}{after}"

    return _FAILURE.sub(part, said)


def results(promtool: Path, tests: list[str]) -> Iterator[tuple[list[str], str]]:
    """(files, what promtool says; '' if they pass) of each run, as they end."""
    processors = len(os.sched_getaffinity(0))
    size = max(1, min(FILES_A_RUN, -(-len(tests) // processors)))
    runs = [tests[begin : begin + size] for begin in range(0, len(tests), size)]

    def one(files: list[str]) -> tuple[list[str], str]:
        command = ["setpriv", "--pdeathsig", "KILL", "--", str(promtool), "test", "rules", *files]
        done = subprocess.run(
            command,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        said = f"{done.stdout}{done.stderr}".strip() or f"promtool ended with {done.returncode}"
        return files, brief(said) if done.returncode else ""

    with ThreadPoolExecutor(processors) as pool:
        for future in as_completed([pool.submit(one, files) for files in runs]):
            yield future.result()


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0 or 1."""
    parser = argparse.ArgumentParser(prog="agents.rule_tests", description=__doc__)
    parser.add_argument("--promtool", type=Path, required=True)
    parser.add_argument("--passed", type=Path, required=True, help="where it is remembered what passed")
    parser.add_argument("tests", type=Path, help="the folder with the files of tests")
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        tool = identity(options.promtool)
        digests = {str(path): digest(tool, path) for path in sorted(options.tests.glob("*.yml"))}
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 1
    before = read_passed(options.passed)
    known, wrong = set(before), []
    todo = {name: found for name, found in digests.items() if found not in known}
    asked = {found or name: name for name, found in reversed(todo.items())}
    for files, said in results(options.promtool, sorted(asked.values())):
        if said:
            wrong.append(said)
        else:
            known |= {found for name in files if (found := digests[name])}
    present = dict.fromkeys(found for found in digests.values() if found and found in known)
    kept = [item for item in before if item not in present] + list(present)
    if todo:
        write_passed(options.passed, kept[-REMEMBERED * max(1, len(digests)) :])
    passed, alike = len(digests) - len(todo), len(todo) - len(asked)
    sys.stdout.write(
        f"{len(digests)} files of rule tests, {passed} known to pass, "
        f"{alike} differ from another in names only\n"
    )
    sys.stderr.write("".join(f"{said}\n" for said in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
