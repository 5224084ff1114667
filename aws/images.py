"""Images that the stack builds and pushes itself: a repository in ECR for each of its own programs."""

from typing import ClassVar

from aws.documents import canonical
from aws.names import Names
from aws.parts import AwsPart, Key, late
from components.images import Recipe, recipes
from components.plan import Frozen, Pillar, part_id
from components.spec import Spec

OWN = ("collector", "programs")
"""Images of `aws.images` that can be built: of programs that nobody else publishes."""
NAME = "images"
UNTAGGED_DAYS = 1


class Built(Frozen):
    """An image and its repository."""

    recipe: Recipe
    repository: str
    """The repository's name."""
    address: str
    """The same with the registry before it, as Docker has it."""


class Images(AwsPart):
    """Repositories, and what is built and pushed into them: `images@<region>`. Its files are Dockerfiles."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Images",)
    ENGINES: ClassVar[tuple[str, ...]] = ("otelcol", "runtime")

    name: str = NAME
    built: tuple[Built, ...]
    lifecycle: str
    """Which images of a repository go, and when: canonical JSON."""


def builds(spec: Spec) -> bool:
    """Whether the stack builds images of its own programs."""
    return spec.aws.images.build.base is not None


def image(spec: Spec, name: str) -> str:
    """What a task is told to run; of what is built, the digest is known later."""
    if builds(spec) and name in OWN:
        return late(f"image/{name}")
    return getattr(spec.aws.images, name) or ""


def repositories(spec: Spec, names: Names) -> dict[str, str]:
    """Image, as a task is told it, -> the ARN of its repository, of those that are built."""
    if not builds(spec):
        return {}
    return {image(spec, name): names.arn("ecr", f"repository/{_repository(names, name)}") for name in OWN}


def needed(spec: Spec, names: Names) -> tuple[str, ...]:
    """Ids of what must be there before a task: each has a container of the programs' image."""
    return (part_id(NAME, names.region),) if builds(spec) else ()


def images(spec: Spec, names: Names, key: Key, stack: str) -> Images | None:
    """The part; None where all images are named by hand."""
    build = spec.aws.images.build
    if build.base is None:
        return None
    host = f"{names.account}.dkr.ecr.{names.region}.{spec.aws.suffix}"
    built = tuple(
        Built(recipe=recipe, repository=called, address=f"{host}/{called}")
        for recipe in recipes(stack, build.base)
        for called in [_repository(names, recipe.name)]
    )
    return Images(
        place=names.region,
        pillar=Pillar.SERVICES,
        needs=(key.id,),
        files=tuple((f"{item.recipe.name}/Dockerfile", item.recipe.dockerfile) for item in built),
        built=built,
        lifecycle=canonical({"rules": _lifecycle(build.keep)}),
    )


def _repository(names: Names, name: str) -> str:
    return f"{names.prefix}/{name}"


def _lifecycle(keep: int) -> list[dict[str, object]]:
    """What lost its tag was never used; of the others the last ones stay, for a task that is rolled back."""
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    }
    older = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep}
    expire = {"type": "expire"}
    return [
        {"rulePriority": 1, "description": "untagged", "selection": untagged, "action": expire},
        {"rulePriority": 2, "description": "older", "selection": older, "action": expire},
    ]
