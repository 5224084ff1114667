"""Downloading official archives: resumed after an interruption, checked before anything of them is used."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from engines.errors import EngineError

PROXIES = ("all_proxy", "http_proxy", "https_proxy")

ATTEMPTS = 4
"""How often a download that breaks off is taken up again before giving up."""

Tick = Callable[[int, int | None], None]


def mirrored(url: str, mirror: str | None) -> str:
    """`url` with scheme and host replaced by the base URL `mirror`, where one is set; the path stays."""
    if not mirror:
        return url
    return mirror.rstrip("/") + urlsplit(url).path


def client(timeout: httpx.Timeout | None = None) -> httpx.Client:
    """A client that follows the redirections of release sites and gives up on a silent server."""
    try:
        return httpx.Client(follow_redirects=True, timeout=timeout or httpx.Timeout(30, connect=10))
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        names = sorted(name for name in os.environ if name.lower() in PROXIES and os.environ[name])
        raise EngineError(
            f"{', '.join(names)}: this proxy cannot be used for downloads ({type(error).__name__}); expected "
            "an address that begins with http:// or https://"
        ) from None


def place(downloads: Path, file: str, digest: str) -> Path:
    """Where an archive with that digest is downloaded to."""
    return downloads / f"{digest[-12:]}-{file}"


def part(target: Path) -> Path:
    """The file that holds what has arrived of `target` so far."""
    return target.with_name(target.name + ".part")


def obstacle(url: str, http: httpx.Client) -> str | None:
    """Why `url` cannot be had, asking only for its head; None when it can be."""
    try:
        answer = http.head(url, timeout=10)
    except httpx.HTTPError as error:
        return f"{url} does not answer ({_reason(error)})"
    if answer.status_code in (404, 410):
        return f"{url} is gone (status {answer.status_code})"
    if answer.is_success or answer.status_code in (405, 501):
        return None
    return f"{url} answers with status {answer.status_code}"


def download(url: str, target: Path, digest: str, http: httpx.Client, tick: Tick) -> None:
    """Fetch `url` into `target` and check it against `digest` (`sha256:<hex>` or `sha512:<hex>`).

    What arrives goes into `target`.part, which a later call, of this process or the next, takes up where it
    ends; a server that cannot do that is read from the beginning. `tick` is told bytes done and, where
    known, in all. A file with another digest is deleted. Raises EngineError.
    """
    partial = part(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _continue(url, partial, http, tick)
            break
        except httpx.HTTPError as error:
            if attempt == ATTEMPTS:
                have = partial.stat().st_size if partial.exists() else 0
                raise EngineError(
                    f"{url}: the download broke off {ATTEMPTS} times ({_reason(error)}); "
                    f"{have} bytes are kept, run again to go on from there"
                ) from None
    got = file_digest(partial, digest.partition(":")[0])
    if got != digest:
        partial.unlink()
        raise EngineError(
            f"{url}: bad checksum, the file was deleted\n    expected {digest} (lock)\n    got      {got}\n"
            "  Run again; if it stays so, the mirror serves another file than the publisher, or the "
            "archive was replaced: do not use it"
        )
    partial.replace(target)


def file_digest(path: Path, algorithm: str) -> str:
    """Digest of a file as `<algorithm>:<hex>`."""
    with path.open("rb") as data:
        return f"{algorithm}:{hashlib.file_digest(data, algorithm).hexdigest()}"


def _continue(url: str, partial: Path, http: httpx.Client, tick: Tick) -> None:
    """One request: from the end of `partial` if the server can, from the beginning otherwise."""
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with http.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 416:  # what is there is the whole file or more; the digest will tell
            size = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if size == str(have):
                return
            partial.unlink()
            raise httpx.ReadError("the part kept from before does not fit the file", request=answer.request)
        if answer.status_code in (404, 410):
            raise EngineError(
                f"{url} is gone (status {answer.status_code}). Set OBS_ENGINE_MIRROR to one that has it, "
                "or OBS_ENGINE_CHANNEL=source to build it"
            )
        if answer.status_code >= 500:
            raise httpx.ReadError(f"status {answer.status_code}", request=answer.request)
        if not answer.is_success:
            raise EngineError(f"{url} answers with status {answer.status_code}")
        resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        if answer.status_code == 206 and not resumed:
            partial.unlink(missing_ok=True)
            raise httpx.ReadError("the server sent another range than asked for", request=answer.request)
        done = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else None
        with partial.open("ab" if resumed else "wb") as out:
            tick(done, total)
            for chunk in answer.iter_raw():  # without a size: with one, what came before a break is lost
                out.write(chunk)
                done += len(chunk)
                tick(done, total)
            out.flush()
            os.fsync(out.fileno())


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
