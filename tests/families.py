"""Runs of `obs` that tests start, and what they in turn start."""

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and its descendants."""
    own = psutil.Process(pid)
    return [own, *own.children(recursive=True)]


def runs(pid: int, *words: str) -> bool:
    """Whether the command of one of these holds one of the words."""
    for process in family(pid):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if any(word in command for word in words):
            return True
    return False
