"""The names of a unit's inputs say which hold files and which the values of secrets."""

import pytest

from vsi import keys


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("prometheus.yml", "prometheus.yml"),
        ("rules/shop", "rules/shop"),
        ("LICENSE", "./LICENSE"),
        ("process", "./process"),
        ("secret_note.txt", "./secret_note.txt"),
    ],
)
def test_a_file_is_found_again_by_its_key(path: str, key: str) -> None:
    assert keys.file_key(path) == key
    assert keys.file_of(key) == path


@pytest.mark.parametrize("name", ["hook", "my.hook"])
def test_a_secret_is_no_file(name: str) -> None:
    key = keys.secret_key(name)

    assert keys.secret_of(key) == name
    assert keys.file_of(key) is None


@pytest.mark.parametrize("key", ["process", "plan_version", "__provider"])
def test_a_setting_is_neither(key: str) -> None:
    assert keys.file_of(key) is None
    assert keys.secret_of(key) is None
