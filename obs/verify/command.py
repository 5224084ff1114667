"""`obs verify` for people and for CI: runs the checks of an environment and shows what came of them."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import httpx

from components.inventory import PROGRAMS
from components.plan import Plan
from components.site import Site
from components.spec import Spec
from components.target import Checked
from obs.verify.given import given
from obs.verify.report import Report, Result, Row
from obs.verify.runner import run

DEADLINE_S = 300.0
WIDTH = 140
"""Columns of the table where nobody says how wide a line may be, as in a CI log."""
PLACEHOLDERS = ("UI assets", "no UI", "not built", "placeholder")
"""What engines built without their pages say instead of them."""


def verify(
    env: str,
    as_json: bool = False,
    deadline_s: float = DEADLINE_S,
    patience: int = 1,
    at: Sequence[str] = (),
) -> int:
    """Check an environment; the exit code of `obs`: 0 if nothing failed, else 1.

    BadInput if its stack file is not valid; Locked if another run works on the stack, since two would take
    each other's faults for their own. `at` has `NAME=HOST:PORT` where a program or service is to be asked
    elsewhere than its target says. With `as_json` standard output holds the report alone; progress goes
    to standard error either way."""
    from obs.console import out, tell
    from obs.describe import describe
    from obs.errors import BadInput
    from obs.lock import stack_lock
    from obs.outputs import outputs_of
    from obs.paths import state_folder
    from targets import target_of

    spec, plan = describe(env)
    if spec.logging.store.tenants:
        raise BadInput(f"{env}: it is the store of other stacks and nothing else. Verify those that use it")
    if ask := target_of(spec).checks:
        if at:
            raise BadInput("--at: expected none: this target has nothing that can be asked elsewhere")
        return _show(env, asked(env, plan, ask), as_json)
    access = given(target_of(spec).access(spec, plan, outputs_of(env)), at)
    with stack_lock(state_folder() / ".locks", env, f"verify {env}"), _terminable():
        report = run(spec, access, stack=env, deadline_s=deadline_s, patience=patience, progress=tell)
    code = _show(env, report, as_json)
    if as_json:
        return code
    for name, url in pages(spec, access.site) if access.identity is None and access.reach is None else ():
        out.print(f"{name:14} {url}")
    return code


def asked(env: str, plan: Plan, ask: Callable[[Any], Iterable[Checked]]) -> Report:
    """The rows of a place that is asked part by part."""
    began = time.monotonic()
    rows = tuple(
        Row(row.name, row.pillar, Result(row.result), row.text, time.monotonic() - began) for row in ask(plan)
    )
    return Report(env, rows, time.monotonic() - began)


def _show(env: str, report: Report, as_json: bool) -> int:
    """For people or for programs; the exit code."""
    from obs.console import PlainConsole, out

    if as_json:
        sys.stdout.write(report.to_json())
        return report.exit_code
    table = PlainConsole(width=None if out.is_terminal else WIDTH, soft_wrap=False)
    table.print(report.table())
    out.print(f"obs verify {env}: {report.summary}", style="bad" if report.exit_code else "good")
    return report.exit_code


@contextmanager
def _terminable() -> Iterator[None]:
    """A termination undoes what was injected, as Ctrl-C does."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def pages(spec: Spec, site: Site, transport: httpx.BaseTransport | None = None) -> list[tuple[str, str]]:
    """What can be opened in a browser now, as (name, address): engines may be built without their pages."""
    found = [(row.name, site.dial(row.api)) for row in PROGRAMS if row.own_pages and site.has(row.api)]
    found += [(item.name, site.service(item).dial[0]) for item in spec.services if item.run]
    with httpx.Client(timeout=3, follow_redirects=True, trust_env=False, transport=transport) as client:
        return [(name, f"http://{address}/") for name, address in found if _shows(client, address)]


def _shows(client: httpx.Client, address: str) -> bool:
    """Whether a page comes that is one."""
    try:
        answer = client.get(f"http://{address}/", headers={"accept": "text/html"})
    except httpx.HTTPError:
        return False
    html = answer.status_code == 200 and answer.headers.get("content-type", "").startswith("text/html")
    return html and not any(text in answer.text for text in PLACEHOLDERS)


__all__ = ["DEADLINE_S", "pages", "verify"]
