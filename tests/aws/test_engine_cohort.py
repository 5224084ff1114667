"""A cohort in one account of moto's, under the real Pulumi engine: made, moved, taken down, looked for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.aws.standing import Standing, an_account
from tests.engine.project import find_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]
FILE = "training.yaml"
ANA, BO = "cohort-aw-ana", "cohort-aw-bo"


@pytest.fixture
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """The example for staging, and a cohort of two beside it."""
    if find_pulumi() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    with an_account() as url:
        made = Standing.make(tmp_path_factory.mktemp("cohort"), url, "staging-aws")
        made.shop.environment["PYTHONPATH"] = str(made.shop.root)  # each head's run is of the copy, too
        people = [{"name": name, "email": f"{name}@example.org"} for name in ("Ana", "Bo")]
        content = {
            "name": "aw",
            "template": "staging-aws",
            "target": "aws",
            "expires": "2099-12-01T18:00:00Z",
        }
        (made.shop.root / FILE).write_text(yaml.safe_dump({**content, "roster": people}))
        yield made


def _cohort(template: Standing, command: str, *more: str, expect: int = 0) -> str:
    done = template.shop.obs("cohort", command, FILE, *more, expect=expect)
    return done.stdout + done.stderr


def _tagged(template: Standing) -> dict[str, list[dict[str, str]]]:
    """Stack -> the tags of each of its things, as the account has them."""
    found: dict[str, list[dict[str, str]]] = {}
    client = template.client("resourcegroupstaggingapi")
    for page in client.get_paginator("get_resources").paginate(TagFilters=[{"Key": "obs:stack"}]):
        for item in page["ResourceTagMappingList"]:
            tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            found.setdefault(tags["obs:stack"], []).append(tags)
    return found


def _there(template: Standing) -> list[str]:
    """What an account has of heads, without tags: keys and definitions of tasks alone are listed still."""
    own = [{"Name": "tag-key", "Values": ["obs:stack"]}]
    return [
        *(item["Name"] for item in template.client("s3").list_buckets()["Buckets"]),
        *(item["logGroupName"] for item in template.client("logs").describe_log_groups()["logGroups"]),
        *(item["DomainName"] for item in template.client("opensearch").list_domain_names()["DomainNames"]),
        *(item["Name"] for item in template.client("secretsmanager").list_secrets()["SecretList"]),
        *(item["VpcId"] for item in template.client("ec2").describe_vpcs(Filters=own)["Vpcs"]),
        *(
            item["RoleName"]
            for item in template.client("iam").list_roles()["Roles"]
            if item["RoleName"].startswith("obs-")
        ),
    ]


def _expiries(template: Standing) -> set[str]:
    return {tags["expiry"] for things in _tagged(template).values() for tags in things}


def test_heads_have_an_account_among_them_and_leave_nothing_in_it(template: Standing) -> None:
    planned: dict[str, Any] = json.loads(
        template.shop.obs("cohort", "plan", FILE, "--json").stdout,
    )
    assert [head["stack"] for head in planned["heads"]] == [ANA, BO]
    assert planned["head"] == {"memory_mb": 0, "disk_mb": 0, "ports": 0}

    assert "2 brought up" in _cohort(template, "create")
    tagged = _tagged(template)
    assert set(tagged) == {ANA, BO}
    assert {tags["cohort"] for tags in tagged[ANA]} == {"aw"}
    assert _expiries(template) == {"2099-12-01"}
    assert "nothing to change" in _cohort(template, "create")

    assert "2 heads say so in their place" in _cohort(template, "extend", "--by", "2d")
    assert _expiries(template) == {"2099-12-03"}
    assert "nothing to change" in _cohort(template, "create")
    assert template.shop.obs("cohort", "orphans").returncode == 0

    logs = template.client("logs")
    logs.create_log_group(logGroupName="/by/hand", tags={"obs:stack": ANA})
    left = _cohort(template, "destroy", "--yes", expect=1)
    assert f"{ANA}  there    arn:aws:logs:eu-central-1:123456789012:log-group:/by/hand" in left
    assert "1 things are still there" in left
    assert _there(template) == ["/by/hand"]

    logs.delete_log_group(logGroupName="/by/hand")
    assert "nothing is left of them" in _cohort(template, "destroy", "--yes")
    assert _there(template) == []

    logs.create_log_group(logGroupName="/ghost", tags={"obs:stack": "cohort-aw-ghost"})
    assert template.shop.obs("cohort", "orphans").returncode == 0, "nobody says which account"
    found = template.shop.obs("cohort", "orphans", "--template", "staging-aws", expect=1)
    assert "cohort-aw-ghost" in found.stdout
