"""What is found about a part of a stack in its account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing of a part: `missing`, which its words name; `unwell`; `starting`, which is well soon; or
    `unreachable`: whoever knows does not answer."""

    state: str
    words: str
