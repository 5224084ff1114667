"""What every pillar's component has: its place in the tree, the provider, values that are known later."""

import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from aws.parts import NOBODY, AwsPart, AwsPlan, late


@dataclass
class Account:
    """Where the components of one plan put things, and what those before told."""

    plan: AwsPlan
    provider: aws.Provider
    late: dict[str, pulumi.Output[str]] = field(default_factory=dict)
    subnets: list[pulumi.Input[str]] = field(default_factory=list)
    """Where tasks and nodes are."""
    pods: pulumi.ProviderResource | None = None
    """What puts objects into the stack's cluster, where its programs are pods."""
    adopted: Mapping[str, bool] = field(default_factory=dict)
    """Log group that was there before the stack -> whether it was taken over before this run."""

    @staticmethod
    def of(plan: AwsPlan, opts: pulumi.ResourceOptions | None = None) -> "Account":
        """A provider that works in the stack's account alone, and tags everything."""
        provider = aws.Provider(
            f"{plan.stack}-aws",
            region=plan.region,
            allowed_account_ids=[plan.account],
            default_tags=aws.ProviderDefaultTagsArgs(tags=dict(plan.tags)),
            endpoints=[aws.ProviderEndpointArgs(**{_argument(name): url}) for name, url in plan.endpoints],
            # What stands in for S3 has no name of its own for each bucket.
            s3_use_path_style=True if "s3" in dict(plan.endpoints) else None,
            # Those of nobody: whatever is not replaced is refused, rather than made in somebody's account.
            access_key=NOBODY if plan.stand_in else None,
            secret_key=NOBODY if plan.stand_in else None,
            opts=opts,
        )
        return Account(plan, provider)

    def filled(self, text: str) -> pulumi.Output[str]:
        """A text with what is known later."""
        named = {name: value for name, value in self.late.items() if late(name) in text}
        if not named:
            return pulumi.Output.from_input(text)
        return pulumi.Output.all(**named).apply(lambda values: _filled(text, values))


def _argument(service: str) -> str:
    """A service's name as Python takes it: `lambda` is a word of the language."""
    return f"{service}_" if keyword.iskeyword(service) else service


def _filled(text: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        text = text.replace(late(name), str(value))
    return text


class Component(pulumi.ComponentResource):
    """The resources of a part, below it; its files are inputs, so that a preview shows what changes."""

    def __init__(
        self,
        account: Account,
        part: AwsPart,
        opts: pulumi.ResourceOptions,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """`more` are inputs that only this machine knows."""
        super().__init__(part.TOKENS[0], part.id, {"files": dict(part.files), **(more or {})}, opts)
        self.account = account
        self._below = part.name

    def named(self, what: str = "") -> str:
        """The name of a resource in the state."""
        return f"{self.account.plan.stack}-{self._below}{'-' if what else ''}{what}"

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        """Of a resource below it."""
        return pulumi.ResourceOptions(parent=self, provider=self.account.provider, **more)

    def kept(self, **more: Any) -> pulumi.ResourceOptions:
        """Of a resource with data: nobody destroys it while the stack says that data stays."""
        return self.options(protect=self.account.plan.retain, **more)
