"""Taking units away: what goes, what is kept, and what is said of it."""

import pytest

from components.plan import Secret
from tests.vsi.conftest import Place

pytestmark = pytest.mark.engine

SECRETS = (
    Secret(name="hook", source="environment", key="HOOK"),
    Secret(name="made", source="generated", key=""),
)


def left(place: Place) -> list[str]:
    return sorted(str(p.relative_to(place.base)) for p in place.base.rglob("*") if not p.is_dir())


def test_kept_data_is_all_that_stays(place: Place) -> None:
    unit = place.unit(secrets=("hook", "made"))
    other = place.unit("beta", secrets=("hook",))
    place.apply(unit, secrets=SECRETS, values={"hook": "v" * 9}, tls_names=("admin",))
    place.apply(other, secrets=SECRETS[:1], values={"hook": "v" * 9}, tls_names=("admin",))
    beta = place.pid("beta")

    (kept,) = place.remove(unit, secrets=SECRETS)
    data = place.state.unit("alpha").data
    assert (kept.unit, kept.path) == ("alpha", str(data))
    assert kept.size == (data / "starts").stat().st_size
    assert sorted(p.name for p in place.state.unit("alpha").root.iterdir()) == ["data"]
    assert (place.pid("beta"), place.running("alpha")) == (beta, [])
    assert (place.state.secrets / "hook").exists()  # beta has it too

    (kept,) = place.remove(other, secrets=SECRETS[:1])
    assert left(place) == ["toys/secrets/made", "toys/units/alpha/data/starts", "toys/units/beta/data/starts"]
    assert not place.supervisor.awake()

    # the next life finds data and the secret that belongs to it
    made = (place.state.secrets / "made").read_text()
    place.apply(unit, secrets=SECRETS, values={"hook": "v" * 9})
    assert (place.state.secrets / "made").read_text() == made
    assert place.starts() == 2


def test_nothing_stays_without_retention(place: Place) -> None:
    unit = place.unit(secrets=("made",))
    place.apply(unit, secrets=SECRETS[1:], tls_names=("admin",))
    assert place.remove(unit, secrets=SECRETS[1:], retain=False) == ()
    assert not place.state.root.exists()
    assert place.remove(unit, secrets=SECRETS[1:], retain=False) == ()
    assert not place.state.root.exists()


def test_removal_while_the_supervisor_is_down(place: Place) -> None:
    place.apply()
    place.supervisor.end()
    place.remove(retain=False)
    assert left(place) == []
