"""What a host remembers can be read by later versions of the code."""

import json

from tests.vsi.conftest import Place
from vsi.records import read_applied


def test_a_record_from_before_units_had_places_is_read(place: Place) -> None:
    place.apply(place.unit())
    place.apply(place.unit("beta", needs=("alpha@local",)))
    file = place.state.unit("beta").applied
    record = read_applied(place.machine.reach, "beta")
    old = json.loads(file.read_text())
    del old["unit"]["place"]
    old["unit"]["needs"] = ["alpha"]
    file.write_text(json.dumps(old))

    assert record is not None
    assert read_applied(place.machine.reach, "beta") == record
