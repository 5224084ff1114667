"""Log groups, which may be there before the stack is: what writes into one makes it if nobody else does."""

import pulumi
from pulumi_aws import cloudwatch

from aws.account.adopted import take
from aws.account.taken import ADOPTED
from aws.resources.component import Component
from components.errors import SuiteError

CHANGED = ["retention_in_days", "kms_key_id", "tags", "tags_all"]
"""What a group has that is taken over otherwise than before."""


def log_group(of: Component, what: str, name: str, days: int) -> cloudwatch.LogGroup:
    """With the stack's retention and key. One that was there is taken over, lines and all, and is still there
    when the stack is not."""
    account = of.account
    key = account.late["key"]
    if name not in account.adopted:
        return cloudwatch.LogGroup(
            of.named(what), name=name, retention_in_days=days, kms_key_id=key, opts=of.options()
        )
    preview = pulumi.runtime.is_dry_run()

    def taken(arn: str) -> str:
        if not preview:
            try:
                take(account.plan, name, days, arn)
            except SuiteError as error:
                raise pulumi.RunError(str(error)) from None
        return arn

    return cloudwatch.LogGroup(
        of.named(what),
        name=name,
        retention_in_days=days,
        kms_key_id=key.apply(taken),
        tags={ADOPTED: account.plan.stack},
        opts=of.options(
            import_=name,
            retain_on_delete=True,
            # Until `taken` ran, it is not as told: a preview would warn that it cannot be taken over.
            ignore_changes=None if account.adopted[name] or not preview else CHANGED,
        ),
    )
