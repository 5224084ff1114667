"""What is known of this machine: who has which ports, and how much there is."""

import socket
from pathlib import Path

from cohorts.heads import Taken
from cohorts.place import listeners, stacks_here, survey


def _stack(folder: Path, name: str, target: str, deploy: str) -> None:
    text = f"config:\n  obs:spec:\n    environment: {{name: {name}, target: {target}}}\n{deploy}"
    (folder / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")


def test_stacks_of_this_machine_have_their_ports_and_heads_are_left_to_their_cohorts(tmp_path: Path) -> None:
    _stack(tmp_path, "one", "local", "    deploy: {port_base: 25000}\n")
    _stack(tmp_path, "two", "local", "")
    _stack(tmp_path, "away", "vsi", "    deploy: {port_base: 26000}\n")
    _stack(tmp_path, "cohort-otel-ana", "local", "    deploy: {port_base: 27000}\n")
    (tmp_path / "Pulumi.broken.yaml").write_text("config: [", encoding="utf-8")

    assert stacks_here(tmp_path) == [Taken(25000, 25199, "stack one"), Taken(21000, 21199, "stack two")]


def test_a_port_on_which_something_listens_is_seen() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]

        assert port in {taken.first for taken in listeners()}


def test_there_is_memory_and_disk_below_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    place = survey(tmp_path / "not" / "yet", [Taken(1, 2, "another cohort")], tmp_path)

    assert place.memory_mb > 0
    assert place.disk_mb > 0
    assert place.disk_at == str(tmp_path)
    assert Taken(1, 2, "another cohort") in place.taken
