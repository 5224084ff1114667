"""How a check ends when it does not pass. Each text is a sentence for the one who has to act on it."""

AGAIN = "Run `obs verify --patience 3`, or again when the machine has less to do."
"""What to do when a run had too little time."""


class CheckFailed(Exception):
    """The check failed: what was expected, what was found instead, and what to do about it."""

    def __init__(self, expected: str, found: str, do: str) -> None:
        super().__init__(f"expected {expected}; found {found}. {do}")
        self.expected = expected
        self.found = found
        self.do = do


class NotYet(CheckFailed):
    """What is waited for is not there yet; when the time is up it is a failure with the same text."""


class Unanswered(NotYet):
    """Something that the check needs does not answer, or not as it should."""


class NotApplied(Exception):
    """The check says nothing about this stack; the text is the reason."""


class Stopped(Exception):
    """The run was interrupted: undo what was done and leave."""


__all__ = ["AGAIN", "CheckFailed", "NotApplied", "NotYet", "Stopped", "Unanswered"]
