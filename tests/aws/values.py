"""Values as the engine sends them."""

from typing import Any

SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which a value is marked as secret on its way to the engine."""


def whole(value: Any) -> Any:
    """The same with whole numbers as such, which come with a fraction, and secrets in plain."""
    if isinstance(value, dict) and SECRET in value:
        return value["value"]
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
