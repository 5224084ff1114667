"""Images that the stack builds and pushes: what is decided, what each resource is given, and what moto has of
it. Nothing here talks to a Docker: the provider of it is on no package registry."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest
from moto import mock_aws
from pulumi.runtime.mocks import MockResourceArgs

import targets
from aws.account import taken
from aws.account.ask import Asking
from aws.account.health import Health, health
from aws.account.pushed import pushed
from aws.contexts import Context
from aws.images import Images
from aws.parts import AwsPlan
from aws.plan import plan
from components.errors import SuiteError
from components.review.policy import of_parts
from components.spec import Spec
from components.spec.problem import Refused
from tests import specs
from tests.aws.account import InMoto, deployed, part
from tests.aws.ground import REGION
from tests.aws.registries import REPOSITORY, TAG
from tests.aws.values import whole
from tests.aws_account.wire import Answering

HOST = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"
TAGS = {"collector": "1" * 16, "programs": "2" * 16}
CONTEXTS = {name: Context(tag, f".state/prod-aws/images/{name}/{tag}") for name, tag in TAGS.items()}
IMAGE = "docker:index/image:Image"


def _stack(**changes: Any) -> dict[str, Any]:
    stack = specs.on_aws()
    stack["aws"] = {**specs.account_with_images(), **changes}
    return stack


def _spec(stack: dict[str, Any]) -> Spec:
    return Spec.model_validate_json(json.dumps(stack))


def _digest(name: str) -> str:
    return f"{HOST}/obs-local/{name}@sha256:{'c' * 64}"


class WithRegistry(InMoto):
    """Repositories in moto; an image is what its provider would tell of it."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        given = whole(args.inputs)
        if args.typ == IMAGE:
            self.made[args.name] = dict(args.inputs)
            name = args.name.removeprefix("prod-aws-images-").removesuffix("-image")
            return given["imageName"], {**given, "repoDigest": _digest(name)}
        id_, made = super().new_resource(args)
        if args.typ == REPOSITORY:
            TAG[REPOSITORY](id_, made, {"obs:stack": "prod-aws"})
        return id_, made


@pytest.fixture(scope="module")
def building() -> AwsPlan:
    return plan(_spec(_stack()), "prod-aws")


@pytest.fixture(scope="module")
def made(building: AwsPlan) -> Iterator[dict[str, Any]]:
    """What each resource was given, by its name; the account is there as long."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.delenv("AWS_PROFILE", raising=False)
        with deployed(building, WithRegistry, contexts=CONTEXTS) as resources:
            yield resources


def test_tasks_run_what_was_pushed_by_its_digest(made: dict[str, Any]) -> None:
    text = made["prod-aws-collector-definition"]["containerDefinitions"]
    containers = {item["name"]: item["image"] for item in json.loads(text)}
    assert containers == {"files": _digest("programs"), "collector": _digest("collector")}
    definitions = [
        given["containerDefinitions"] for given in made.values() if "containerDefinitions" in given
    ]
    assert len(definitions) > 5
    assert not any("{late:" in text for text in definitions)


def test_images_are_built_for_what_tasks_run_on_from_their_folder(made: dict[str, Any]) -> None:
    given = whole(made["prod-aws-images-programs-image"])
    assert given["imageName"] == f"{HOST}/obs-local/programs:{TAGS['programs']}"
    folder = f".state/prod-aws/images/programs/{TAGS['programs']}"
    assert given["build"] == {
        "context": folder,
        "dockerfile": f"{folder}/Dockerfile",
        "platform": "linux/amd64",
    }
    assert not given["buildOnPreview"]
    assert not given["skipPush"]


def test_an_image_is_given_no_login_of_its_registry(made: dict[str, Any]) -> None:
    for name in TAGS:
        assert made[f"prod-aws-images-{name}-image"]["registry"] == {"server": HOST}


def test_a_repository_takes_no_tag_twice_and_is_under_the_key(made: dict[str, Any]) -> None:
    client = boto3.client("ecr")
    found = {item["repositoryName"]: item for item in client.describe_repositories()["repositories"]}
    assert found.keys() == {"obs-local/collector", "obs-local/programs"}
    [key] = [
        item["TargetKeyId"]
        for item in boto3.client("kms").list_aliases()["Aliases"]
        if item["AliasName"] == "alias/obs-local"
    ]
    for name, item in found.items():
        assert item["imageTagMutability"] == "IMMUTABLE"
        assert item["imageScanningConfiguration"]["scanOnPush"]
        assert item["encryptionConfiguration"]["encryptionType"] == "KMS"
        assert item["encryptionConfiguration"]["kmsKey"].endswith(key)
        rules = json.loads(client.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])["rules"]
        assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]
        assert rules[1]["selection"]["countNumber"] == 10


def test_images_go_with_their_repository_only_where_data_may(made: dict[str, Any]) -> None:
    assert not made["prod-aws-images-programs"]["forceDelete"]


def test_a_preview_names_the_tags(made: dict[str, Any]) -> None:
    assert made["images@eu-central-1"]["tags"] == TAGS


def test_ecs_may_pull_from_these_repositories_and_those_that_are_named(made: dict[str, Any]) -> None:
    policy = boto3.client("iam").get_role_policy(RoleName="obs-local-jaeger-execution", PolicyName="own")
    [pulls] = [
        item for item in policy["PolicyDocument"]["Statement"] if "ecr:BatchGetImage" in item["Action"]
    ]
    arn = f"arn:aws:ecr:{REGION}:123456789012:repository"
    assert pulls["Resource"] == [f"{arn}/obs-local/programs", f"{arn}/obs/jaeger"]


@pytest.mark.parametrize("told", [f"registry.example/programs@sha256:{'c' * 64}", None])
def test_a_digest_of_another_registry_reaches_no_task(building: AwsPlan, told: str | None) -> None:
    """As Docker tells where it has the same image under several names."""
    from aws.resources.images import _of

    images = part(building, "images")
    assert isinstance(images, Images)
    [item] = [item for item in images.built if item.recipe.name == "programs"]
    assert _of(item, _digest("programs")) == _digest("programs")
    with pytest.raises(pulumi.RunError, match="image programs: Docker tells"):
        _of(item, told)


def test_a_plan_without_does_not_know_of_them() -> None:
    planned = plan(specs.spec_on_aws(), "prod-aws")
    assert not any(isinstance(item, Images) for item in planned.parts)
    assert planned.engines == ()
    assert "image/" not in planned.model_dump_json()


def test_a_plan_brings_the_engines_and_tasks_come_after(building: AwsPlan) -> None:
    assert building.engines == ("otelcol", "runtime")
    ids = [item.id for item in building.parts]
    assert ids.index("images@eu-central-1") < ids.index("collector@eu-central-1")
    assert "images@eu-central-1" in part(building, "collector").needs
    assert "images/programs/Dockerfile" in building.written


def test_what_is_built_counts_as_pinned(building: AwsPlan) -> None:
    """Its digest is known later."""
    told = json.loads(part(building, "collector").containers)  # type: ignore[attr-defined]
    assert {item["image"] for item in told} == {"{late:image/programs}", "{late:image/collector}"}
    now = type("Now", (), {})()
    now.spec = {"environment": {"tier": "prod"}}
    now.parts = [type("Part", (), {"id": "collector", "settings": {"containers": json.dumps(told)}})()]
    assert list(of_parts.images(now)) == []
    told[0]["image"] = "registry.example/x:1"
    now.parts[0].settings = {"containers": json.dumps(told)}
    assert len(list(of_parts.images(now))) == 1


NAMED = f"{HOST}/other@sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"images": {"programs": NAMED}}, "aws.images.programs", "target aws builds it"),
        ({"images": {"collector": NAMED}}, "aws.images.collector", "target aws builds it"),
        ({"stand_in": True}, "aws.images.build.base", "without a registry"),
        ({"endpoints": {"ecr": "http://127.0.0.1:5000"}}, "aws.images.build.base", "without a registry"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changed: dict[str, Any], key: str, words: str) -> None:
    images = {**specs.account_with_images()["images"], **changed.pop("images", {})}
    with pytest.raises(Refused, match="target ") as caught:
        targets.plan(_spec(_stack(images=images, **changed)), "prod-aws")
    [problem] = caught.value.problems
    assert problem.key == key
    assert words in problem.expected


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ({"keep": 3}, "`base` beside these"),
        ({"base": "docker.io/library/debian:trixie-slim"}, "by its digest"),
    ],
)
def test_half_a_setting_is_refused(build: dict[str, Any], words: str) -> None:
    images = {**specs.account_with_images()["images"], "build": build}
    with pytest.raises(ValueError, match=words):
        _spec(_stack(images=images))


def _put(name: str, tag: str, which: int) -> None:
    """An image in moto: what it holds tells it from others."""
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    config = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": 1,
        "digest": f"sha256:{which:064d}",
    }
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
    boto3.client("ecr").put_image(
        repositoryName=f"obs-local/{name}",
        imageTag=tag,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=kind,
    )


def test_who_pushes_knows_what_was_pushed_before_the_newest_first(building: AwsPlan) -> None:
    times = {"obs-local/collector": [("b" * 16, 2), ("a" * 16, 1), ("c" * 16, 3)], "obs-local/programs": []}

    class Client:
        """ECR, as far as it is asked."""

        exceptions = boto3.client("ecr", REGION).exceptions

        def get_paginator(self, _name: str) -> "Client":
            return self

        def paginate(self, repositoryName: str, **_more: Any) -> Any:
            for tag, day in times[repositoryName]:
                pushed_at = datetime(2026, 11, day, tzinfo=UTC)
                yield {"imageDetails": [{"imageTags": [tag], "imagePushedAt": pushed_at}]}

    asking = Asking(REGION, {})
    asking.client = lambda *_: Client()  # type: ignore[method-assign]
    assert pushed(building, asking) == {
        "collector": ["c" * 16, "b" * 16, "a" * 16],
        "programs": [],
    }


def test_nothing_was_pushed_to_what_is_not_there(building: AwsPlan) -> None:
    with mock_aws():
        assert pushed(building, Asking(REGION, {})) == {"collector": [], "programs": []}


def test_who_may_not_ask_does_not_push(building: AwsPlan) -> None:
    with mock_aws(), pytest.raises(SuiteError, match=r"which images (collector|programs) were pushed before"):
        pushed(building, Answering(building, {"ecr.DescribeImages": (403, "{}")}))


def test_status_tells_which_image_is_missing(made: dict[str, Any], building: AwsPlan) -> None:
    asking, images = Asking(REGION, {}), part(building, "images")
    assert isinstance(images, Images)
    told = {(found.state, found.words) for found in health(building, asking, images).found}
    assert told == {("missing", "image collector"), ("missing", "image programs")}
    for index, name in enumerate(TAGS):
        _put(name, TAGS[name], index)
    assert health(building, asking, images) == Health()


def test_a_repository_of_another_stack_is_told_before(made: dict[str, Any], building: AwsPlan) -> None:
    asking = Asking(REGION, {})
    assert [
        found
        for check in taken.checks(building, asking)
        if check.what.startswith("repository ")
        for found in check.ask()
    ] == []
    other = building.model_copy(update={"stack": "other"})
    [check] = [it for it in taken.checks(other, asking) if it.what == "repository obs-local/programs"]
    assert "stack prod-aws has it" in str(check.ask()[0])


def test_nothing_of_docker_is_imported_unless_a_stack_builds() -> None:
    """Neither the SDK nor the component, which imports it."""
    deploy = Path(__file__).parents[2] / "aws" / "resources" / "deploy.py"
    text = deploy.read_text(encoding="utf-8")
    assert "\nfrom aws.resources.images" not in text
    assert "            from aws.resources.images import ImagesComponent" in text
