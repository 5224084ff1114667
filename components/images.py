"""Images of our own programs, which nobody publishes: what each is made of, and by which tag it is known.

Pure: what the files are is told by their digest. A tag says what is in an image, so that the same is not
built twice, and another never takes its name.
"""

import hashlib
import json
import re
from collections.abc import Sequence

from components.catalog import engine
from components.plan import Frozen

PLATFORM = "linux/amd64"
"""What tasks run on."""
USER = 65534
DOCKERFILE = "Dockerfile"
_DIGITS = 16
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_TRUSTED = f"test -s {_AUTHORITIES} || {{ echo the base has no {_AUTHORITIES} >&2; exit 1; }}"
_TAG = re.compile(rf"([0-9a-f]{{{_DIGITS}}})(?:-([1-9][0-9]*))?")


class Recipe(Frozen):
    """How an image is made."""

    name: str
    engine: str
    """What of the cache of engines it holds."""
    copied: tuple[tuple[str, str], ...]
    """Pairs of a program of the engine ('' is all of it) and where that lies beside the Dockerfile."""
    dockerfile: str


def recipes(stack: str, base: str) -> tuple[Recipe, ...]:
    """Of every image of ours; `base` has the C library, the shell and the authorities that they need."""
    return _collector(stack, base), _programs(stack, base)


def _collector(stack: str, base: str) -> Recipe:
    """The collector needs nothing beside itself but the authorities by which it knows AWS."""
    return Recipe(
        name="collector",
        engine="otelcol",
        copied=(("otelcol", "otelcol"),),
        dockerfile=_text(
            f"FROM {base}",
            f'RUN ["/bin/sh", "-c", "{_TRUSTED}"]',
            *_labels(stack, "collector", "otelcol"),
            "COPY otelcol /usr/bin/otelcol",
            "ENV PATH=/usr/bin",
            f"USER {USER}:{USER}",
            'ENTRYPOINT ["/usr/bin/otelcol"]',
        ),
    )


def _programs(stack: str, base: str) -> Recipe:
    """Python with `agents` and `demo`. It is started once while the image is built: on a base with an older C
    library than it was made with, the build fails, and not the task."""
    return Recipe(
        name="programs",
        engine="runtime",
        copied=(("", "runtime"),),
        dockerfile=_text(
            f"FROM {base}",
            *_labels(stack, "programs", "runtime"),
            "COPY runtime /opt/obs",
            "ENV PATH=/opt/obs/bin:/usr/local/bin:/usr/bin:/bin",
            'RUN ["/opt/obs/bin/python", "-c", "import ssl, agents.task_files, demo.gateway"]',
            f"USER {USER}:{USER}",
            'ENTRYPOINT ["/opt/obs/bin/python"]',
        ),
    )


def _labels(stack: str, name: str, of: str) -> list[str]:
    """The stack is among them: of one image with two registries, Docker tells the digest in either."""
    return [
        f'LABEL org.opencontainers.image.title="observability-{name}"',
        f'LABEL org.opencontainers.image.version="{engine(of).version}"',
        f'LABEL obs.stack="{stack}"',
    ]


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def content(recipe: Recipe, files: str) -> str:
    """What is in an image, in short: another with any change of its recipe, or of the digest of its files."""
    whole = {"dockerfile": recipe.dockerfile, "copied": recipe.copied, "files": files}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def tag_of(content: str, pushed: Sequence[str]) -> str:
    """The tag of an image of that content, given those in its registry, the newest first.

    What was pushed last keeps its tag, so that nothing changes. What was pushed before that, and comes back
    since a change was taken back, gets a number: a registry takes no tag twice.
    """
    known = [found for tag in pushed if (found := _TAG.fullmatch(tag))]
    if known and known[0][1] == content:
        return known[0][0]
    before = [int(found[2] or 1) for found in known if found[1] == content]
    return f"{content}-{max(before) + 1}" if before else content


def tagged(dockerfile: str, tag: str) -> str:
    """The Dockerfile as it is built: no two tags are of one image, or its registry could not tell which was
    pushed last."""
    return f'{dockerfile}LABEL obs.image="{tag}"\n'
