"""The one error that getting an engine can end in."""

from components.errors import SuiteError


class EngineError(SuiteError):
    """An engine cannot be had. The message says which, what was tried, why it failed and what to do."""


class BadRequest(EngineError):
    """What was asked for does not exist: an engine, a program or a channel of that name."""

    exit_code = 2


class LayoutError(EngineError):
    """An archive, as its publisher made it, does not have what the catalogue expects in it."""
