"""The root of the errors that a user can do something about."""


class SuiteError(Exception):
    """Shown as it is, without a traceback. What it means says its class, and the exit code of `obs`: 2 where
    what was asked does not fit, 3 where another run works on the stack, 130 where somebody asked to stop."""

    exit_code = 1
