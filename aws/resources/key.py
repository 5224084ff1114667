"""The stack's key."""

import pulumi
from pulumi_aws import kms

from aws.parts import Key
from aws.resources.component import Account, Component


class KeyComponent(Component):
    """A key with rotation, and its alias."""

    def __init__(self, account: Account, part: Key, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        key = kms.Key(
            self.named(),
            description=f"Data at rest of {account.plan.stack}",
            enable_key_rotation=True,
            deletion_window_in_days=part.deletion_days,
            policy=part.policy,
            # What is in a log group that stays is read with it.
            opts=self.kept(retain_on_delete=bool(account.adopted)),
        )
        kms.Alias(self.named("alias"), name=part.alias, target_key_id=key.key_id, opts=self.options())
        account.late["key"] = key.arn
        self.register_outputs({"arn": key.arn})
