"""Images in the repositories of a stack."""

from collections.abc import Iterator
from functools import partial

from aws.account.ask import Asking, at_once, missing, trouble
from aws.account.finding import Finding
from aws.contexts import wanted
from aws.images import Images
from aws.parts import AwsPlan
from components.errors import SuiteError


def pushed(plan: AwsPlan, asking: Asking | None = None) -> dict[str, list[str]]:
    """Image -> the tags in its repository, the newest first. SuiteError if AWS does not say."""
    images = wanted(plan)
    if not images:
        return {}
    asking = asking or Asking.of(plan)
    calls = {item.recipe.name: partial(_tags, asking, item.repository) for item in images}
    found = dict[str, list[str]]()
    for name, answer in at_once(calls, asking.deadline).items():
        if isinstance(answer, Exception):
            raise SuiteError(
                f"which images {name} were pushed before is not known: {trouble(answer).words}; without "
                "that, one could be pushed under a tag that is taken. What to do: obs preflight"
            )
        found[name] = answer
    return found


def images(plan: AwsPlan, asking: Asking, part: Images) -> Iterator[Finding]:
    """That there is one of each."""
    del plan
    for item in part.built:
        if not _tags(asking, item.repository):
            yield Finding("missing", f"image {item.recipe.name}")


def _tags(asking: Asking, repository: str) -> list[str]:
    """None in a repository that is not there."""
    client = asking.client("ecr")
    pages = client.get_paginator("describe_images").paginate(
        repositoryName=repository, filter={"tagStatus": "TAGGED"}
    )
    try:
        found = [item for page in pages for item in page["imageDetails"]]
    except client.exceptions.ClientError as error:
        if missing(error, "RepositoryNotFoundException"):
            return []
        raise
    newest = sorted(found, key=lambda item: item["imagePushedAt"], reverse=True)
    return [tag for item in newest for tag in item.get("imageTags", ())]
