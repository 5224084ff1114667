"""A cohort of a copy of the project, whose heads share a store: runs of `obs cohort`, some of them killed."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from cohorts import record
from cohorts.model import WIDTH
from cohorts.record import Record
from components.inventory import password_of
from components.render.opensearch_store import AUTHORITY, LENT, TENANT_USERS
from tests.e2e.shop import Shop
from tests.ports import free_base
from tests.waiting import until

NAME = "e2e"
WAIT_S = 900
"""For a head or a store to come up on a machine that others keep busy: at load 60, 300 were too few."""
PEOPLE = ("ana", "bo", "cem", "dia", "eli", "fay")
PARALLEL = 2
"""Heads at a time: each start wants about a processor."""
FILE = "training.yaml"


@dataclass
class Cohort:
    """Six heads and their store."""

    shop: Shop
    first: int

    @classmethod
    def make(cls, root: Path) -> "Cohort":
        """Copy the working tree, and write the template and the cohort file; nothing runs yet. The ports
        beyond the first 400 are held by nobody: no other test is to run beside it."""
        shop = Shop.make(root)
        del shop.environment["OBS_PORT_BASE"]
        shop.seconds *= 2  # one run makes all of them
        shop.environment["PYTHONPATH"] = str(root)  # each head's run is of the copy, too
        first = free_base(400)
        template = shop.stack_file.read_text(encoding="utf-8")
        shared = template.replace("    logging:\n", "    logging:\n      store: {shared: true}\n")
        shop.stack_file.write_text(shared, encoding="utf-8")
        roster = "".join(f"  - {{name: {name}, email: {name}@example.org}}\n" for name in PEOPLE)
        (root / FILE).write_text(
            f"name: {NAME}\ntemplate: local\ntarget: local\nexpires: '2099-12-31T18:00:00+01:00'\n"
            f"ports: {{first: {first}, last: {first + WIDTH * (len(PEOPLE) + 3) - 1}}}\n"
            f"parallel: {PARALLEL}\nroster:\n{roster}",
            encoding="utf-8",
        )
        return cls(shop, first)

    @property
    def state(self) -> Path:
        return self.shop.root / ".state"

    @property
    def known(self) -> Record | None:
        """What is recorded of it now."""
        return record.read(self.state, NAME)

    def stack(self, slug: str) -> str:
        return f"cohort-{NAME}-{slug}"

    def folder(self, slug: str) -> Path:
        """The state folder of a head."""
        return self.state / self.stack(slug)

    def run(self, command: str, *more: str, expect: int = 0) -> "subprocess.CompletedProcess[str]":
        """`obs cohort COMMAND` to its end."""
        return self.shop.obs("cohort", command, FILE, *more, expect=expect)

    def killed(self, command: str, *more: str, when: Callable[[Record], bool]) -> None:
        """`obs cohort COMMAND`, killed outright as soon as the record says so."""
        process = subprocess.Popen(
            [sys.executable, "-m", "obs", "cohort", command, FILE, *more],
            cwd=self.shop.root,
            env=self.shop.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def reached() -> bool:
            assert process.poll() is None, f"obs cohort {command} ended with {process.returncode} before that"
            known = self.known
            return known is not None and when(known)

        try:
            until(reached, f"the point of obs cohort {command}", seconds=WAIT_S)
        finally:
            children = psutil.Process(process.pid).children()
            process.send_signal(signal.SIGKILL)
            process.wait()
        psutil.wait_procs(children, WAIT_S)

    def state_of(self, known: Record, slug: str) -> str:
        """How far a head came; '' if it is forgotten."""
        return next((str(entry.state) for entry in known.heads.values() if entry.slug == slug), "")

    def count(self, known: Record, state: str) -> int:
        """How many participants' heads came so far."""
        return sum(entry.state == state for entry in known.participants)

    def begun(self, slug: str) -> bool:
        """Whether something of a head runs."""
        return any(self.folder(slug).glob("units/*/applied.json"))

    def pids(self) -> dict[str, int]:
        """Stack and unit -> the id of its process."""
        return {
            f"{slug}/{row['unit']}": int(row["pid"])
            for slug in (*PEOPLE, "store")
            for row in json.loads(self.shop.obs("status", self.stack(slug), "--json", expect=None).stdout)[
                "units"
            ]
        }

    def lent(self, slug: str) -> dict[str, str]:
        """User of a head -> its password, and the certificate to trust."""
        found = record.lent(self.state, self.stack(slug))
        return {
            **{f"{slug}-{user}": found[LENT[password_of(user)]] for user in TENANT_USERS},
            AUTHORITY: found[LENT[AUTHORITY]],
        }

    @contextmanager
    def client(self, slug: str, user: str = "reader") -> Iterator[httpx.Client]:
        """At the store, as a user of a head."""
        lent = self.lent(slug)
        context = ssl.create_default_context(cadata=lent[AUTHORITY])
        address = json.loads((self.folder(slug) / "units/pages/conf/settings.json").read_text())["logs"][
            "url"
        ]
        login = httpx.BasicAuth(f"{slug}-{user}", lent[f"{slug}-{user}"])
        with httpx.Client(base_url=address, verify=context, auth=login, timeout=60) as made:
            yield made

    def operator(self, slug: str, trusting: str = "") -> ssl.SSLContext:
        """What a head shows to programs: its own, or another whose authority is trusted."""
        own, other = (self.folder(name) / "secrets/tls" for name in (slug, trusting or slug))
        context = ssl.create_default_context(cafile=str(other / "ca.pem"))
        context.load_cert_chain(own / "operator.pem", own / "operator.key")
        return context

    def base(self, slug: str) -> int:
        """The first port of a head."""
        known = self.known
        assert known
        return next(entry.port_base for entry in known.heads.values() if entry.slug == slug)

    def listening(self, slug: str) -> list[int]:
        """Its ports on which something listens."""
        base = self.base(slug)
        return sorted(
            {
                item.laddr.port
                for item in psutil.net_connections("tcp")
                if item.laddr and item.status == psutil.CONN_LISTEN and base <= item.laddr.port < base + 200
            }
        )

    def running(self, folder: Path | None = None) -> list[psutil.Process]:
        """Processes that name its state folder, or another, but those that came with the test itself."""
        found, named = [], str(folder or self.state)
        for process in psutil.process_iter():
            try:
                said = " ".join(process.cmdline()) + process.cwd() + process.environ().get("OBS_KEEPER", "")
                if named in said:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def clean_up(self) -> None:
        """End whatever is left: runs too, which a killed one began and which would begin more."""

        def over() -> bool:
            left = [one for one in self.running(self.shop.root) if one.pid != os.getpid()]
            for process in left:
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
            return not left

        until(over, "nothing of the cohort runs", every=0.2)


def hits(answer: httpx.Response) -> list[dict[str, Any]]:
    """What a search found."""
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["hits"]["hits"]
    return found


@contextmanager
def stray(folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A process of somebody's that names a head's state folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", str(folder)], stdin=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
