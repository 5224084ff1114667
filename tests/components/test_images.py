"""What images of our own programs are made of, and by which tag they are known."""

import pytest

from components.images import content, recipes, tag_of, tagged
from tests.render import golden

BASE = f"docker.io/library/debian@sha256:{'2' * 64}"
COLLECTOR, PROGRAMS = recipes("prod-aws", BASE)
FILES = "a" * 64
FIRST, SECOND, THIRD = (digit * 16 for digit in "123")


def test_dockerfiles_are_as_reviewed() -> None:
    golden.check("images", {f"{one.name}/Dockerfile": one.dockerfile for one in (COLLECTOR, PROGRAMS)})


def test_nobody_in_an_image_is_root() -> None:
    for one in (COLLECTOR, PROGRAMS):
        assert "USER 65534:65534\nENTRYPOINT [" in one.dockerfile


def test_the_same_content_has_the_same_tag() -> None:
    assert content(PROGRAMS, FILES) == content(recipes("prod-aws", BASE)[1], FILES)


@pytest.mark.parametrize(
    "changed",
    [
        (PROGRAMS, "b" * 64),
        (COLLECTOR, FILES),
        (recipes("staging-aws", BASE)[1], FILES),
        (recipes("prod-aws", BASE.replace("2", "3"))[1], FILES),
        (PROGRAMS.model_copy(update={"dockerfile": PROGRAMS.dockerfile + "\n"}), FILES),
        (PROGRAMS.model_copy(update={"copied": (("", "elsewhere"),)}), FILES),
    ],
)
def test_any_change_of_what_goes_in_is_another_tag(changed: tuple[object, str]) -> None:
    assert content(*changed) != content(PROGRAMS, FILES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pushed", "tag"),
    [
        ([], FIRST),
        (["latest"], FIRST),
        ([SECOND], FIRST),
        ([FIRST], FIRST),
        ([FIRST, SECOND], FIRST),
        ([SECOND, FIRST], f"{FIRST}-2"),
        ([f"{FIRST}-2", SECOND, FIRST], f"{FIRST}-2"),
        ([THIRD, f"{FIRST}-9", SECOND], f"{FIRST}-10"),
    ],
)
def test_a_registry_is_given_no_tag_twice_and_what_was_pushed_last_stays(pushed: list[str], tag: str) -> None:
    assert tag_of(FIRST, pushed) == tag


def test_images_of_two_tags_are_two() -> None:
    assert tagged(PROGRAMS.dockerfile, FIRST) != tagged(PROGRAMS.dockerfile, SECOND)
    assert tagged(PROGRAMS.dockerfile, FIRST).startswith(PROGRAMS.dockerfile)
