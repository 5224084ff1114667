"""Deciding where an engine comes from, with every obstacle found before anything is made."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.engine import CHANNELS, Channel, Engine, GoSource, MavenSource, RuntimeSource, WheelSource
from engines import sources, toolchains
from engines.errors import BadRequest, EngineError
from engines.keys import key, required_go
from engines.lock import NOT_FETCHED, Lock, archive_url
from engines.progress import Progress
from engines.setting import CHANNEL_VARIABLE, MIRROR_VARIABLE, Setting, mirror

if TYPE_CHECKING:
    from engines.builds import Build


@dataclass(frozen=True)
class Job:
    """An artifact to be made: decided, with its obstacles out of the way, and nothing done yet."""

    engine: Engine
    channel: Channel
    key: str
    why: str = ""
    """What to add, in the progress, to a channel that is not the one asked for."""
    build: "Build | None" = None
    """Where a mirror has what would be built."""


def candidates(engine: Engine, channel: str | None) -> tuple[Channel, ...]:
    """The channels to try, best first. BadRequest when the one asked for is no channel.

    `release` asks for what publishers offer, so an engine that nobody publishes comes from its source.
    """
    asked = _asked(channel)
    if asked == "auto":
        return engine.channels()
    chosen = tuple(known for known in CHANNELS if known == asked)
    if not chosen:
        origin = "the channel" if channel else CHANNEL_VARIABLE
        raise BadRequest(f"{origin} is {asked!r}; expected one of: release, source, auto")
    return engine.channels() if asked == "release" and engine.release is None else chosen


def _asked(channel: str | None) -> str:
    return channel or os.environ.get(CHANNEL_VARIABLE) or "auto"


def choose(
    engine: Engine,
    channel: str | None,
    setting: Setting,
    lock: Lock,
    answers: dict[str, str | None],
    progress: Progress,
) -> Job:
    """The first channel that can deliver; `answers` remembers what was tried, from one engine to the next.

    A compiler or a Java that is missing is installed here, since only then is it known that there is one.

    Raises EngineError with what keeps each channel from it.
    """
    reasons: dict[str, str] = {c: f"there is none, {why}" for c, why in engine.absent.items()}
    for candidate in candidates(engine, channel):
        its_key = key(engine, candidate, setting.platform, setting.tools, lock)
        build = _offered(engine, candidate, its_key, setting, answers)
        problem = None if build else _obstacle(engine, candidate, setting, lock, answers, progress)
        if problem is None and its_key is not None:
            instead = _asked(channel) == "release" != candidate
            why = f" (release: {reasons['release']})" if instead else ""
            return Job(engine, candidate, its_key, why, build)
        reasons[candidate] = problem or "it has no key"
    told = "".join(f"  {c}: {reasons[c]}\n" for c in CHANNELS if c in reasons)
    left = [c for c in engine.channels() if c not in reasons]
    other = f"allow the channel {left[0]} ({CHANNEL_VARIABLE}=auto), " if left else ""
    raise EngineError(
        f"{engine.name} {engine.version} cannot be had for {setting.platform}:\n{told}"
        f"  What to do: remove one obstacle, {other}or copy the folder {engine.name} from the cache "
        f"of a machine that has it into {setting.cache}"
    )


def _offered(
    engine: Engine, channel: Channel, its_key: str | None, setting: Setting, answers: dict[str, str | None]
) -> "Build | None":
    """A mirror's build of what would be made from source here; what is installed here is copied faster."""
    base = mirror()
    if channel != "source" or base is None or its_key is None or engine.native_only:
        return None
    from engines import builds  # only here: it imports httpx, see below

    return builds.find(engine, its_key, setting.platform, base, answers)


def _obstacle(
    engine: Engine,
    channel: Channel,
    setting: Setting,
    lock: Lock,
    answers: dict[str, str | None],
    progress: Progress,
) -> str | None:
    """Why `channel` cannot deliver `engine` here and now; None when it should."""
    if channel in engine.absent:
        return f"there is none, {engine.absent[channel]}"
    if channel == "release":
        return _release_obstacle(engine, setting, lock, answers)
    match engine.source:
        case GoSource(folder=folder):
            required = required_go(setting.tools / folder, setting.tools)
            if (mark := f"go {required}") in answers:  # tried for an engine before this one
                return "go is missing or too old, as above" if answers[mark] else None
            answers[mark] = _error_of(
                lambda: toolchains.ensure_go(required, setting.cache, setting.tools, progress)
            )
            return answers[mark]
        case MavenSource():
            missing = sources.maven_obstacle()
            return missing or _error_of(
                lambda: toolchains.ensure_java(setting.cache, setting.tools, progress)
            )
        case WheelSource() as source:
            return sources.wheel_obstacle(source, setting.native)
        case RuntimeSource() as source:
            from engines import runtime  # only here: what it imports is slow to import

            return runtime.obstacle(source, setting.tools.parent, setting.native)
        case None:
            return "there is none"


def _release_obstacle(
    engine: Engine, setting: Setting, lock: Lock, answers: dict[str, str | None]
) -> str | None:
    url = archive_url(engine, setting.platform)
    if url is None:
        return f"there is no official archive for {setting.platform}"
    entry = lock.entry(engine, setting.platform)
    if entry is None or entry.digest is None:
        why = (entry.unlocked if entry else None) or NOT_FETCHED
        return f"the archive's checksum is unlocked ({why}); {MIRROR_VARIABLE} can name another place"
    from engines import release  # importing httpx takes longer than everything else here

    address = release.mirrored(url, mirror())
    if address not in answers:
        with release.client() as http:
            answers[address] = release.obstacle(address, http)
    problem = answers[address]
    return f"{problem}; {MIRROR_VARIABLE} can name another place" if problem else None


def _error_of(action: Callable[[], object]) -> str | None:
    """What keeps `action` from working, in one text; None when it worked."""
    try:
        action()
    except EngineError as error:
        return str(error)
    return None
