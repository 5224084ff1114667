"""How the inputs of a unit's resource are named: the one place that knows which hold files, which secrets.

A key of a file holds a `.` or a `/`, which no other key does but those of secrets, which have a prefix. A
path for which that is not so gets `./` in front. The names stand in the state of running stacks: they stay.
"""

SECRET_PREFIX = "secret_"  # noqa: S105 - the name of a key
"""Inputs under such keys are Pulumi secrets; their values are never put under another key."""


def file_key(path: str) -> str:
    """The key of a file of a unit."""
    return path if file_of(path) == path and not path.startswith("./") else f"./{path}"


def file_of(key: str) -> str | None:
    """The path of the file that a key names; None if it names none."""
    if key.startswith(SECRET_PREFIX) or not ("." in key or "/" in key):
        return None
    return key.removeprefix("./")


def secret_key(name: str) -> str:
    """The key of a secret's value."""
    return f"{SECRET_PREFIX}{name}"


def secret_of(key: str) -> str | None:
    """The name of the secret whose value a key names; None if it names none."""
    return key.removeprefix(SECRET_PREFIX) if key.startswith(SECRET_PREFIX) else None
