"""Names in an account: one scheme, and what each service takes. A name that does not fit is refused, never
cut: two names that were cut could be the same."""

import re
from dataclasses import dataclass

from components.spec import Spec


@dataclass(frozen=True)
class Limit:
    """What a service takes for a name."""

    longest: int
    pattern: str
    what: str


LIMITS = {
    "balancer": Limit(32, r"[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*", "a load balancer"),
    "bucket": Limit(63, r"[a-z0-9][a-z0-9-]+[a-z0-9]", "an S3 bucket"),
    "domain": Limit(28, r"[a-z][a-z0-9-]{2,}", "an OpenSearch domain"),
    "role": Limit(64, r"[\w+=,.@-]+", "an IAM role"),
    "function": Limit(64, r"[a-zA-Z0-9_-]+", "a Lambda function"),
    "queue": Limit(80, r"[a-zA-Z0-9_-]+", "an SQS queue"),
    "topic": Limit(256, r"[a-zA-Z0-9_-]+", "an SNS topic"),
    "alias": Limit(100, r"[0-9A-Za-z][-.0-9A-Z_a-z]*", "a workspace's alias"),
    "repository": Limit(256, r"[a-z0-9]+(?:[._/-][a-z0-9]+)*", "an ECR repository"),
    "family": Limit(255, r"[a-zA-Z0-9_-]+", "an ECS service"),
    "namespace": Limit(64, r"[0-9A-Za-z][-.0-9A-Z_a-z]*", "a namespace of rule groups"),
    "secret": Limit(512, r"[\w/+=.@-]+", "a secret"),
    "budget": Limit(100, r"[^:\\]+", "a budget"),
}


def fits(kind: str, name: str) -> bool:
    """Whether the service takes the name."""
    limit = LIMITS[kind]
    return len(name) <= limit.longest and re.fullmatch(limit.pattern, name) is not None


@dataclass(frozen=True)
class Names:
    """The names of a stack's things, by what the environment is called, and their ARNs."""

    prefix: str
    account: str
    region: str
    partition: str

    @staticmethod
    def of(spec: Spec) -> "Names":
        """For a spec; account and region may be absent before refusals were asked."""
        aws = spec.aws
        return Names(f"obs-{spec.environment.name}", aws.account or "0" * 12, aws.region or "", aws.partition)

    def own(self, name: str) -> str:
        """Of anything that is named within account and region: `obs-prod-relay`."""
        return f"{self.prefix}-{name}"

    def bucket(self, name: str) -> str:
        """Names of buckets are the whole world's."""
        return f"{self.prefix}-{name}-{self.account}-{self.region}"

    def log_group(self, name: str) -> str:
        """Of a program's log, or of a service of AWS."""
        return f"/obs/{self.prefix.removeprefix('obs-')}/{name}"

    def secret(self, name: str) -> str:
        """In Secrets Manager."""
        return f"obs/{self.prefix.removeprefix('obs-')}/{name}"

    def arn(self, service: str, resource: str, *, everywhere: bool = False) -> str:
        """In the own account; IAM and S3 have no region, S3 no account either."""
        region = "" if everywhere else self.region
        account = "" if service == "s3" else self.account
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"

    def every(self) -> list[tuple[str, str, tuple[str | int, ...]]]:
        """(kind, name, the setting that it comes from) of everything that could be too long."""
        environment = ("environment", "name")
        found: list[tuple[str, str, tuple[str | int, ...]]] = [
            ("domain", self.prefix, environment),
            ("bucket", self.bucket("archive"), environment),
            ("bucket", self.bucket("config"), environment),
            ("alias", self.prefix, environment),
            ("function", self.own("relay"), environment),
            ("queue", self.own("undelivered"), environment),
        ]
        longest = max(("collector", "housekeeper", "jaeger", "prometheus"), key=len)
        found.append(("role", f"{self.own(longest)}-execution", environment))
        return found
