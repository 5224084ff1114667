"""What the Pulumi engine itself would do to each stack, where everything that it needs is at hand.

Each stack is previewed by `obs preview ENV --json`, as anybody would, in a process of its own: two engines in
one process would share its signals and its working directory.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from components.errors import SuiteError
from obs.paths import ROOT, STATE_VARIABLE, state_folder

SECONDS = 900
"""In which one stack is previewed; a preview reads each host or object once."""
SHOWN_LINES = 12


@dataclass(frozen=True)
class Seen:
    """What came of asking the engine about one stack."""

    parts: tuple[tuple[str, str], ...] = ()
    """Pairs of a part and the engine's word: create, update, replace, delete, ..."""
    lacks: str = ""
    """What it would have needed; '' if it was asked."""
    failed: str = ""
    """Why it has no answer, though it was asked; '' if it has one."""

    @property
    def answered(self) -> bool:
        """Whether `parts` are all that would change."""
        return not (self.lacks or self.failed)

    def counts(self) -> dict[str, int]:
        """Word -> parts."""
        found: dict[str, int] = {}
        for _, op in sorted(self.parts, key=lambda pair: pair[1]):
            found[op] = found.get(op, 0) + 1
        return found


def seen_by_engine(stacks: Iterable[str]) -> dict[str, Seen]:
    """Stack -> what the engine says; at most as many at once as there are processors, and never more than
    two of them, since each engine runs a Python of its own."""
    stacks = list(stacks)
    missing = {stack: why for stack in stacks if (why := lacks(stack))}
    asked = [stack for stack in stacks if stack not in missing]
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        answers = dict(zip(asked, pool.map(_ask, asked), strict=True))
    return {stack: answers.get(stack) or Seen(lacks=missing[stack]) for stack in stacks}


def lacks(stack: str) -> str:
    """What a preview by the engine needs and is not here, in words; '' if nothing is missing. Nothing is
    fetched or built for it, and no place is asked."""
    from engines.store import Store
    from obs.describe import describe
    from obs.providers import pulumi_home, to_bring
    from obs.pulumi import backend_folder, find_pulumi, has_state
    from obs.session import check_passphrase
    from targets.secret_values import check

    if backend_folder() is None:
        return f"state in a folder of this machine; it is elsewhere: obs preview {stack} asks there"
    if not has_state(stack):
        return "a deployment that the state here knows"
    try:
        find_pulumi()
        check_passphrase(stack)
        spec, plan = describe(stack)
        check(spec, plan)
    except SuiteError as error:
        return str(error)
    store = Store()
    away = sorted(name for name in to_bring(plan.engines, pulumi_home()) if store.locate(name) is None)
    return f"engines that are not in the cache: {', '.join(away)} (obs engines build)" if away else ""


def obs(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run another `obs` on the same project and state; TimeoutExpired after `SECONDS`."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    variables = {**os.environ, "PYTHONPATH": path, STATE_VARIABLE: str(state_folder())}
    command = [sys.executable, "-m", "obs", *arguments]
    return subprocess.run(
        command, env=variables, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
    )


def _ask(stack: str) -> Seen:
    try:
        done = obs("preview", stack, "--json")
    except subprocess.TimeoutExpired:
        return Seen(failed=f"no answer within {SECONDS} s")
    if done.returncode == 2:
        return Seen(lacks=last_lines(done.stderr))
    if done.returncode:
        return Seen(failed=last_lines(done.stderr) or f"exit code {done.returncode}")
    return Seen(tuple((unit["id"], unit["op"]) for unit in json.loads(done.stdout)["units"]))


def last_lines(text: str) -> str:
    """The end of what a run said, where its reason stands."""
    return "\n".join(text.strip().splitlines()[-SHOWN_LINES:])
