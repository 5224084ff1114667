"""Settings of `agents.sink`, which stands in for the receivers of alerts."""

from components.addresses import HOST, Addresses
from components.render.services import to_json
from components.spec import Spec

COMMAND = ("{python}", "-m", "agents.sink", "--settings", "settings.json")
HEALTH_PATH = "/health"


def render(spec: Spec, addresses: Addresses) -> dict[str, str]:
    """`settings.json`: where it listens, and where it keeps what was delivered."""
    settings = {
        "host": HOST,
        "port": addresses.port("sink"),
        "data": "../data",
        "labels": spec.environment.labels,
    }
    return {"settings.json": to_json(settings)}
