"""What stands in for a stack file that is gone or broken."""

import json
from pathlib import Path

from obs.recorded import configuration, deployment, project_of_links, protected, urns


def test_the_state_says_how_its_secrets_are_protected() -> None:
    local = {"secrets_providers": {"type": "passphrase", "state": {"salt": "v1:ab=:v1:c"}}}
    assert configuration(local) == 'encryptionsalt: "v1:ab=:v1:c"\n'
    cloud = {"secrets_providers": {"state": {"url": "awskms://alias/x", "encryptedkey": "QUI="}}}
    assert configuration(cloud) == 'secretsprovider: "awskms://alias/x"\nencryptedkey: "QUI="\n'
    for nothing in (None, {}, {"secrets_providers": None}, {"secrets_providers": {"type": "service"}}):
        assert configuration(nothing) == ""


def test_the_project_of_links_has_that_and_no_other_stack_file(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    for name in ("Pulumi.yaml", "stacks/Pulumi.local.yaml", "stacks/Pulumi.other.yaml", "stacks/loader.py"):
        (tmp_path / name).write_text(name)
    with project_of_links(tmp_path, "local", "made") as folder:
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert found == {"Pulumi.yaml", "stacks/Pulumi.local.yaml", "stacks/loader.py"}
        assert (folder / "stacks/Pulumi.local.yaml").read_text() == "made"
        (folder / "stacks/Pulumi.local.yaml").write_text("by the engine")
    assert not folder.exists()
    assert (tmp_path / "stacks/Pulumi.local.yaml").read_text() == "stacks/Pulumi.local.yaml"


def test_the_state_says_what_is_deployed(tmp_path: Path) -> None:
    file = tmp_path / "local.json"
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": [{"urn": "a"}, {"urn": "b"}]}}}))
    assert urns(file) == ["a", "b"]


def test_a_stack_without_state_has_nothing_deployed(tmp_path: Path) -> None:
    empty, broken = tmp_path / "empty.json", tmp_path / "broken.json"
    empty.write_text(json.dumps({"checkpoint": {"latest": {"resources": None}}}))
    broken.write_text("{")
    assert [urns(file) for file in (None, tmp_path / "none.json", empty, broken)] == [[], [], [], []]


def test_the_state_is_read_where_it_stands(tmp_path: Path) -> None:
    file, broken = tmp_path / "local.json", tmp_path / "broken.json"
    state = {"secrets_providers": {"type": "passphrase", "state": {"salt": "v1:ab=:v1:c"}}}
    file.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "local", "latest": state}}))
    broken.write_text("{")
    assert configuration(deployment(file)) == 'encryptionsalt: "v1:ab=:v1:c"\n'
    assert [deployment(path) for path in (None, tmp_path / "none.json", broken)] == [None, None, None]


def test_the_state_says_what_is_protected(tmp_path: Path) -> None:
    resources = [
        {"type": "a:b:C", "id": "c-1", "protect": True},
        {"type": "a:b:D", "id": "d-1"},
        {"type": "e"},
    ]
    file = tmp_path / "local.json"
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    assert protected(file, lambda: None) == [("a:b:C", "c-1")]
    assert protected(None, lambda: {"resources": resources}) == [("a:b:C", "c-1")]
    assert protected(None, lambda: None) == []
    assert protected(tmp_path / "none.json", lambda: None) == []
