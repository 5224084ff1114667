"""Asking publishers for the checksums that the committed lock lacks, without waiting for the silent ones.

Hosts are asked at the same time, each in a thread of its own, and one that cannot be reached is asked once
for all that it publishes. What has not answered within `PATIENCE` seconds counts as silent: a name server or
a firewall that swallows packets must not delay a build by minutes.
"""

import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from components.engine import Engine
from engines import publishers, release
from engines.lock import Entry, file_of, fill_in

PATIENCE = 6.0
"""Seconds for all hosts together."""


def ask(
    engines: list[Engine], platform: str, mirror: str | None, downloads: Path, patience: float = PATIENCE
) -> dict[str, Entry]:
    """An entry by engine: its digest, or why there is none.

    Where a publisher gives only digests of the files in its archive, the archive is downloaded to learn its
    own, and kept in `downloads` for whoever takes it next.
    """
    hosts: dict[str, list[tuple[Engine, str]]] = {}
    for engine in engines:
        if url := checksums_url(engine, platform, mirror):
            hosts.setdefault(urlsplit(url).netloc, []).append((engine, url))
    answers: dict[str, publishers.Digests | str] = {}
    threads = [
        threading.Thread(target=_ask_host, args=(asked, answers, patience), daemon=True)
        for asked in hosts.values()
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    got = dict(answers)
    found: dict[str, Entry] = {}
    with release.client() as http:
        for host, asked in hosts.items():
            for engine, url in asked:
                digests = got.get(engine.name, f"{host} did not answer within {patience:g} s")
                found[engine.name] = (
                    Entry(file_of(engine, platform), unlocked=digests)
                    if isinstance(digests, str)
                    else publishers.entry(engine, platform, url, digests, http, mirror, keep=downloads)
                )
    return found


def checksums_url(engine: Engine, platform: str, mirror: str | None) -> str | None:
    """Where the digest of the engine's archive for `platform` is published; None when nowhere."""
    official = fill_in(engine.release.checksums, engine, platform) if engine.release else None
    return release.mirrored(official, mirror) if official else None


def _ask_host(
    asked: list[tuple[Engine, str]], answers: dict[str, publishers.Digests | str], patience: float
) -> None:
    """Read each checksum file of one host; the first that gets no answer at all speaks for the others."""
    with release.client(httpx.Timeout(patience, connect=patience / 2)) as http:
        for engine, url in asked:
            answers[engine.name] = answer = publishers.digests(url, http)
            if isinstance(answer, publishers.NoAnswer):
                answers.update({other.name: answer for other, _ in asked if other.name not in answers})
                return
