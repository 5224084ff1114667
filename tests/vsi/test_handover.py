"""Ports that pass from one unit to another in one update."""

import pytest

from tests.ports import free_port
from tests.vsi.conftest import Place
from tests.waiting import until
from vsi import host
from vsi.errors import DeployError
from vsi.handover import moves
from vsi.records import read_applied
from vsi.unit import HostUnit

pytestmark = pytest.mark.engine


def at(place: Place, name: str, port: int, text: str = "", **more: object) -> HostUnit:
    """A unit on a given port that serves its own name."""
    place.ports[name] = port
    return place.unit(name, text or name, **more)  # type: ignore[arg-type]


def test_a_renamed_unit_takes_the_port_of_its_former_self(place: Place) -> None:
    port = free_port()
    old, other = at(place, "cart", port), place.unit("other")
    place.apply(old)
    place.apply(other)
    before = place.pid("other")
    new = at(place, "basket", port)
    (move,) = moves(place.plan(new, other), place.machine)
    assert str(move) == (
        f"port {port} passes from cart to basket: cart is stopped just before basket takes it, "
        "and is removed at the end"
    )
    assert place.apply(new).action == "start"
    assert place.served("basket") == "basket"
    assert place.running("cart") == []
    assert (place.state.unit("cart").log / "cart.log").exists(), "its last lines can still be read"
    assert place.apply(new).action == "none"
    place.remove(old)
    assert place.served("basket") == "basket"
    assert (place.pid("other"), place.starts("basket")) == (before, 1)


@pytest.mark.parametrize("reload", ["SIGHUP", None])
def test_units_that_change_places_at_once(place: Place, reload: str | None) -> None:
    names = ("alpha", "beta", "gamma")
    ports = [free_port() for _ in names]
    process = {"reload": reload}
    for name, port in zip(names, ports, strict=True):
        place.apply(at(place, name, port, "before", process=process))
    turned = [
        at(place, name, port, f"{name} after", process=process)
        for name, port in zip(names, (*ports[1:], ports[0]), strict=True)
    ]
    told = moves(place.plan(*turned), place.machine)
    assert [(move.unit, move.holder, move.stays) for move in sorted(told, key=lambda move: move.unit)] == [
        ("alpha", "beta", True),
        ("beta", "gamma", True),
        ("gamma", "alpha", True),
    ]
    answers = [place.answer(process) for process in [place.run(place.request(unit)) for unit in turned]]
    assert [answer["ok"] for answer in answers] == [True] * 3, answers
    for name in names:
        until(lambda name=name: place.served(name) == f"{name} after")  # type: ignore[misc]
        assert len(place.running(name)) == 1
    assert all(row.well for row in host.status(place.machine))
    assert moves(place.plan(*turned), place.machine) == []


def test_what_is_refused_stops_nobody(place: Place) -> None:
    port = free_port()
    place.apply(at(place, "cart", port))
    before = place.pid("cart")
    with pytest.raises(DeployError, match="the running one is untouched"):
        place.apply(at(place, "basket", port, checks=(("false",),)))
    assert (place.pid("cart"), place.served("cart")) == (before, "cart")


def test_an_update_that_was_cut_off_after_the_port_passed_is_finished_by_the_next(place: Place) -> None:
    port = free_port()
    old, new = at(place, "cart", port), at(place, "basket", port)
    place.apply(old)
    place.apply(new)
    assert {row.unit: row.state for row in host.status(place.machine)} == {
        "basket": "running",
        "cart": "stopped",
    }
    place.supervisor.end()
    place.apply(new)  # brings back what ran: the former holder must not win
    assert place.served("basket") == "basket"
    place.remove(old)
    assert read_applied(place.machine.reach, "cart") is None
    assert place.served("basket") == "basket"
