"""Section `aws` of a stack file: what is refused in itself, and what follows from the region."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from components.spec import Aws


def _aws(**section: Any) -> Aws:
    return Aws.model_validate_json(json.dumps(section))


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"account": "12345"}, "12 digits"),
        ({"account": "1234567890123"}, "12 digits"),
        ({"region": "europe"}, "a region of AWS"),
        ({"vpc": {"cidr": "10.20.0.1/16"}}, "expected a network"),
        ({"vpc": {"cidr": "8.8.0.0/16"}}, "expected a private network"),
        ({"vpc": {"subnets": ["subnet-0a1b2c3d"]}}, "only beside the `id`"),
        ({"vpc": {"id": "vpc-0a1b2c3d", "subnets": ["subnet-0a1b2c3d"]}}, "as many `subnets` as `zones`"),
        ({"vpc": {"zones": 1}}, "greater than or equal to 2"),
        ({"log_retention": "36h"}, "expected whole days"),
        ({"archive": {"retention": "60d"}}, "at least 90d beyond"),
        ({"budget": {"notify": ["nobody"]}}, "an address of mail"),
        ({"tags": {"cost_centre": "a<b"}}, "letters, digits"),
        ({"tags": {"expiry": "soon"}}, "a date"),
        ({"endpoints": {"S3": "http://127.0.0.1:1"}}, "unknown: S3"),
        ({"endpoints": {"s3": "127.0.0.1:1"}}, "a URL"),
    ],
)
def test_a_wrong_setting_is_told(section: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        _aws(**section)


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-central-1", "aws", "amazonaws.com"),
        ("us-east-2", "aws", "amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
    ],
)
def test_the_partition_follows_from_the_region(region: str, partition: str, suffix: str) -> None:
    found = _aws(region=region)
    assert (found.partition, found.suffix) == (partition, suffix)
