"""What is found about a part of a stack in its account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing of a part: `missing`, which its words name; `unwell`; or `starting`, which is well soon."""

    state: str
    words: str
