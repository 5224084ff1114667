"""Repositories of images (ECR) in moto: made, read, changed and taken away as `tests.aws.making` has it."""

import json
from collections.abc import Callable
from typing import Any

import boto3

from tests.aws.ground import Inputs, Made, begun

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"


def _scanning(given: Inputs) -> Inputs:
    return {"scanOnPush": given["imageScanningConfiguration"]["scanOnPush"]}


def _repository(given: Inputs) -> Made:
    [sealed] = given["encryptionConfigurations"]
    made = boto3.client("ecr").create_repository(
        repositoryName=given["name"],
        imageTagMutability=given["imageTagMutability"],
        imageScanningConfiguration=_scanning(given),
        encryptionConfiguration={"encryptionType": sealed["encryptionType"], "kmsKey": sealed["kmsKey"]},
    )["repository"]
    told = {"arn": made["repositoryArn"], "repositoryUrl": made["repositoryUri"]}
    begun(given["name"], **told)
    return given["name"], told


def _lifecycle(given: Inputs) -> Made:
    boto3.client("ecr").put_lifecycle_policy(
        repositoryName=given["repository"], lifecyclePolicyText=given["policy"]
    )
    return given["repository"], {}


def _read_repository(id_: str, _given: Inputs) -> Inputs:
    [found] = boto3.client("ecr").describe_repositories(repositoryNames=[id_])["repositories"]
    return {"imageTagMutability": found["imageTagMutability"]}


def _read_lifecycle(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("ecr").get_lifecycle_policy(repositoryName=id_)["lifecyclePolicyText"]
    return {"policy": given["policy"] if json.loads(found) == json.loads(given["policy"]) else found}


def _change_repository(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    client = boto3.client("ecr")
    client.put_image_tag_mutability(repositoryName=id_, imageTagMutability=new["imageTagMutability"])
    client.put_image_scanning_configuration(repositoryName=id_, imageScanningConfiguration=_scanning(new))
    return {}


def _change_lifecycle(_id: str, _old: Inputs, new: Inputs) -> Inputs:
    _lifecycle(new)
    return {}


def _end_repository(id_: str, given: Inputs) -> None:
    boto3.client("ecr").delete_repository(repositoryName=id_, force=given["forceDelete"])


MAKE: dict[str, Callable[[Inputs], Made]] = {REPOSITORY: _repository, LIFECYCLE: _lifecycle}
READ: dict[str, Callable[[str, Inputs], Inputs | None]] = {
    REPOSITORY: _read_repository,
    LIFECYCLE: _read_lifecycle,
}
CHANGE: dict[str, Callable[[str, Inputs, Inputs], Inputs]] = {
    REPOSITORY: _change_repository,
    LIFECYCLE: _change_lifecycle,
}
ANOTHER = {
    REPOSITORY: frozenset({"encryptionConfigurations", "name"}),
    LIFECYCLE: frozenset({"repository"}),
}
END: dict[str, Callable[[str, Inputs], Any]] = {
    REPOSITORY: _end_repository,
    LIFECYCLE: lambda id_, _given: boto3.client("ecr").delete_lifecycle_policy(repositoryName=id_),
}
TAG: dict[str, Callable[[str, Inputs, dict[str, str]], object]] = {
    REPOSITORY: lambda _id, made, tags: boto3.client("ecr").tag_resource(
        resourceArn=made["arn"], tags=[{"Key": name, "Value": value} for name, value in tags.items()]
    ),
}
