"""The archive's bucket."""

import pulumi
from pulumi_aws import s3

from aws.parts import Archive
from aws.resources.component import Account, Component


class ArchiveComponent(Component):
    """A private bucket, versioned and encrypted, with a lifecycle, and a lock where that is asked for."""

    def __init__(self, account: Account, part: Archive, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        bucket = s3.Bucket(
            self.named(), bucket=part.bucket, object_lock_enabled=part.lock != "none", opts=self.kept()
        )
        self._closed(bucket, part)
        versioning = s3.BucketVersioning(
            self.named("versioning"),
            bucket=bucket.id,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self.options(),
        )
        self._kept(bucket, part, versioning)
        self.register_outputs({"bucket": bucket.id})

    def _closed(self, bucket: s3.Bucket, part: Archive) -> None:
        """Nobody but the account, over TLS, and under the stack's key."""
        block = s3.BucketPublicAccessBlock(
            self.named("private"),
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.options(),
        )
        rule = s3.BucketServerSideEncryptionConfigurationRuleArgs(
            bucket_key_enabled=True,
            apply_server_side_encryption_by_default=(
                s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                    sse_algorithm="aws:kms", kms_master_key_id=self.account.late["key"]
                )
            ),
        )
        s3.BucketServerSideEncryptionConfiguration(
            self.named("encryption"), bucket=bucket.id, rules=[rule], opts=self.options()
        )
        # S3 refuses two changes of one bucket's access at once.
        s3.BucketPolicy(
            self.named("policy"), bucket=bucket.id, policy=part.policy, opts=self.options(depends_on=[block])
        )

    def _kept(self, bucket: s3.Bucket, part: Archive, versioning: s3.BucketVersioning) -> None:
        """To Glacier, and then away; older versions as long as the objects themselves."""
        rule = s3.BucketLifecycleConfigurationRuleArgs(
            id="archive",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            transitions=[
                s3.BucketLifecycleConfigurationRuleTransitionArgs(
                    days=part.glacier_days, storage_class="GLACIER"
                )
            ],
            expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=part.days),
            noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=part.days
            ),
            abort_incomplete_multipart_upload=(
                s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(days_after_initiation=7)
            ),
        )
        after = self.options(depends_on=[versioning])
        s3.BucketLifecycleConfiguration(self.named("lifecycle"), bucket=bucket.id, rules=[rule], opts=after)
        if part.lock == "none":
            return
        retention = s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
            mode=part.lock.upper(), days=part.days
        )
        s3.BucketObjectLockConfiguration(
            self.named("lock"),
            bucket=bucket.id,
            rule=s3.BucketObjectLockConfigurationRuleArgs(default_retention=retention),
            opts=after,
        )
