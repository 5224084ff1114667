"""The OpenSearch domain."""

import pulumi
from pulumi_aws import cloudwatch, ec2, opensearch, vpc

from aws.parts import Store
from aws.resources.component import Account, Component
from aws.resources.log_group import log_group
from aws.resources.secrets import generated

HTTPS = 443
TLS = "Policy-Min-TLS-1-2-PFS-2023-10"


class LogsComponent(Component):
    """A domain in the VPC, which tasks alone reach and whose users log in; its logs, and its passwords."""

    def __init__(self, account: Account, part: Store, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        values = {name: generated(self, name, called) for name, called in part.passwords}
        allowed = cloudwatch.LogResourcePolicy(
            self.named("may-log"),
            policy_name=part.domain,
            policy_document=part.log_policy,
            opts=self.options(),
        )
        groups = {kind: log_group(self, kind.lower(), name, part.log_days) for kind, name in part.groups}
        domain = opensearch.Domain(
            self.named(),
            domain_name=part.domain,
            engine_version=part.version,
            cluster_config=_cluster(part),
            ebs_options=opensearch.DomainEbsOptionsArgs(
                ebs_enabled=True, volume_type="gp3", volume_size=part.storage_gib
            ),
            encrypt_at_rest=opensearch.DomainEncryptAtRestArgs(enabled=True, kms_key_id=account.late["key"]),
            node_to_node_encryption=opensearch.DomainNodeToNodeEncryptionArgs(enabled=True),
            domain_endpoint_options=opensearch.DomainDomainEndpointOptionsArgs(
                enforce_https=True, tls_security_policy=TLS
            ),
            advanced_security_options=opensearch.DomainAdvancedSecurityOptionsArgs(
                enabled=True,
                anonymous_auth_enabled=False,
                internal_user_database_enabled=True,
                master_user_options=opensearch.DomainAdvancedSecurityOptionsMasterUserOptionsArgs(
                    master_user_name="admin",
                    master_user_password=pulumi.Output.secret(values[part.administrator].secret_string),
                ),
            ),
            access_policies=part.policy,
            vpc_options=opensearch.DomainVpcOptionsArgs(
                subnet_ids=account.subnets[: part.zones], security_group_ids=[self._group().id]
            ),
            log_publishing_options=[
                opensearch.DomainLogPublishingOptionArgs(log_type=kind, cloudwatch_log_group_arn=group.arn)
                for kind, group in groups.items()
            ],
            software_update_options=opensearch.DomainSoftwareUpdateOptionsArgs(
                auto_software_update_enabled=True
            ),
            opts=self.kept(
                depends_on=[allowed],
                # A change of the nodes moves all of the data: hours, of many.
                custom_timeouts=pulumi.CustomTimeouts(create="2h", update="12h", delete="2h"),
            ),
        )
        account.late["domain"] = domain.endpoint
        self.register_outputs({"domain": domain.arn, "endpoint": domain.endpoint})

    def _group(self) -> ec2.SecurityGroup:
        """Nobody but tasks."""
        group = ec2.SecurityGroup(
            self.named("group"),
            vpc_id=self.account.late["vpc"],
            description="The store, for tasks of the stack alone",
            opts=self.options(),
        )
        vpc.SecurityGroupIngressRule(
            self.named("group-https"),
            security_group_id=group.id,
            referenced_security_group_id=self.account.late["tasks"],
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            opts=self.options(),
        )
        self.account.late["store"] = group.id
        return group


def _cluster(part: Store) -> opensearch.DomainClusterConfigArgs:
    return opensearch.DomainClusterConfigArgs(
        instance_type=part.instance_type,
        instance_count=part.nodes,
        zone_awareness_enabled=True,
        zone_awareness_config=opensearch.DomainClusterConfigZoneAwarenessConfigArgs(
            availability_zone_count=part.zones
        ),
        multi_az_with_standby_enabled=part.standby,
        dedicated_master_enabled=bool(part.managers),
        dedicated_master_type=part.managers or None,
        dedicated_master_count=3 if part.managers else None,
    )
