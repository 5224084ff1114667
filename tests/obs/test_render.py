"""`obs render` writes the same bytes each time, and never over what is not its own."""

from pathlib import Path

import pytest

from components.plan import Pillar
from obs.errors import BadInput
from obs.render import MARKER, write
from vsi.unit import HostPlan, HostUnit, Process, Ready


def plan_of(files: dict[str, str], unit: str = "prometheus") -> HostPlan:
    return HostPlan(
        stack="local",
        parts=(
            HostUnit(
                name=unit,
                place="local",
                pillar=Pillar.METRICS,
                files=tuple(sorted(files.items())),
                process=Process(command=("true",), ready=Ready(url="http://127.0.0.1:1/")),
                memory_mb=1,
            ),
        ),
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    plan = plan_of({"a.yml": "ä\r\n", "rules/b.yml": "b: 1\n"})
    assert write(plan, tmp_path / "out") == ["prometheus/a.yml", "prometheus/rules/b.yml"]
    first = tree(tmp_path / "out")
    assert first["prometheus/a.yml"] == "ä\r\n".encode()
    write(plan, tmp_path / "out")
    assert tree(tmp_path / "out") == first


def test_of_two_places_each_gets_a_folder(tmp_path: Path) -> None:
    units = [
        plan_of({"a.yml": host}).parts[0].model_copy(update={"place": host}) for host in ("obs-1", "obs-2")
    ]
    write(HostPlan(stack="local", parts=tuple(units)), tmp_path)
    assert tree(tmp_path)["obs-1/prometheus/a.yml"] == b"obs-1"
    assert tree(tmp_path)["obs-2/prometheus/a.yml"] == b"obs-2"


def test_what_is_no_longer_planned_goes(tmp_path: Path) -> None:
    write(plan_of({"rules/old.yml": "x"}), tmp_path)
    write(plan_of({"new.yml": "y"}, unit="jaeger"), tmp_path)
    assert set(tree(tmp_path)) == {MARKER, "jaeger/new.yml"}
    assert not (tmp_path / "prometheus").exists()


def test_a_foreign_file_stops_it_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"notes\.txt"):
        write(plan_of({"a.yml": "x"}), tmp_path)
    assert set(tree(tmp_path)) == {"notes.txt"}


def test_a_foreign_file_beside_earlier_output_stops_it_too(tmp_path: Path) -> None:
    write(plan_of({"a.yml": "x"}), tmp_path)
    (tmp_path / "prometheus" / "mine.yml").write_text("mine")
    with pytest.raises(BadInput, match=r"mine\.yml"):
        write(plan_of({"a.yml": "y"}), tmp_path)
    assert tree(tmp_path)["prometheus/a.yml"] == b"x"


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(BadInput, match="found a file"):
        write(plan_of({}), tmp_path / "out")


@pytest.mark.parametrize("place", ["/proc/x", "/dev/null/x", "/tmp/" + "x" * 300])
def test_a_place_that_cannot_be_written_is_bad_input(place: str) -> None:
    with pytest.raises(BadInput, match="expected a folder"):
        write(plan_of({"a.yml": "a"}), Path(place))
