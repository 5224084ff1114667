"""The archive's bucket."""

import pulumi
from pulumi_aws import s3

from aws.parts import Archive
from aws.resources.bucket import private
from aws.resources.component import Account, Component


class ArchiveComponent(Component):
    """A private bucket, versioned and encrypted, with a lifecycle, and a lock where that is asked for."""

    def __init__(self, account: Account, part: Archive, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        bucket = s3.Bucket(
            self.named(),
            bucket=part.bucket,
            object_lock_enabled=part.lock != "none",
            force_destroy=not account.plan.retain,  # S3 removes no bucket that holds something
            opts=self.kept(),
        )
        versioning = private(self, bucket, part.policy)
        self._kept(bucket, part, versioning)
        self.register_outputs({"bucket": bucket.id})

    def _kept(self, bucket: s3.Bucket, part: Archive, versioning: s3.BucketVersioning) -> None:
        """To Glacier, but for manifests, which say what is there, and then away; older versions as long as
        the objects themselves."""
        away = s3.BucketLifecycleConfigurationRuleArgs(
            id="away",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=part.days),
            noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=part.days
            ),
            abort_incomplete_multipart_upload=(
                s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(days_after_initiation=7)
            ),
        )
        glacier = s3.BucketLifecycleConfigurationRuleArgs(
            id="glacier",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="logs/"),
            transitions=[
                s3.BucketLifecycleConfigurationRuleTransitionArgs(
                    days=part.glacier_days, storage_class="GLACIER"
                )
            ],
        )
        after = self.options(depends_on=[versioning])
        s3.BucketLifecycleConfiguration(
            self.named("lifecycle"), bucket=bucket.id, rules=[away, glacier], opts=after
        )
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
