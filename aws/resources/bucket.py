"""Buckets as all of the stack's are."""

import pulumi
from pulumi_aws import s3

from aws.resources.component import Component


def private(of: Component, bucket: s3.Bucket, policy: pulumi.Input[str]) -> s3.BucketVersioning:
    """Versioned, under the stack's key, for nobody but the account, over TLS."""
    block = s3.BucketPublicAccessBlock(
        of.named("private"),
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=of.options(),
    )
    rule = s3.BucketServerSideEncryptionConfigurationRuleArgs(
        bucket_key_enabled=True,
        apply_server_side_encryption_by_default=(
            s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                sse_algorithm="aws:kms", kms_master_key_id=of.account.late["key"]
            )
        ),
    )
    s3.BucketServerSideEncryptionConfiguration(
        of.named("encryption"), bucket=bucket.id, rules=[rule], opts=of.options()
    )
    # S3 refuses two changes of one bucket's access at once.
    s3.BucketPolicy(of.named("policy"), bucket=bucket.id, policy=policy, opts=of.options(depends_on=[block]))
    return s3.BucketVersioning(
        of.named("versioning"),
        bucket=bucket.id,
        versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=of.options(),
    )
