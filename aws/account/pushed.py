"""Images in the repositories of a stack."""

from collections.abc import Iterator
from functools import partial

from aws.account.ask import Asking, all_known, missing
from aws.account.finding import Finding
from aws.contexts import wanted
from aws.images import Images
from aws.parts import AwsPlan


def pushed(plan: AwsPlan, asking: Asking | None = None) -> dict[str, list[str]]:
    """Image -> the tags in its repository, the newest first. SuiteError if AWS does not say."""
    images = wanted(plan)
    if not images:
        return {}
    asking = asking or Asking.of(plan)
    calls = {item.recipe.name: partial(_tags, asking, item.repository) for item in images}
    return all_known(
        asking, calls, "which images {} were pushed before", "one could be pushed under a tag that is taken"
    )


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
