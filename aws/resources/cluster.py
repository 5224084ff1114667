"""The cluster of EKS, with its nodes."""

import pulumi
from pulumi_aws import ec2, eks, iam

from aws.parts import Addon, Cluster, Role
from aws.resources.component import Account, Component
from aws.resources.log_group import log_group

DISK = "/dev/xvda"
"""The one disk of a node, as its image calls it."""


class ClusterComponent(Component):
    """A control plane whose secrets are under the stack's key, nodes in private subnets, and what EKS itself
    runs there. With the cluster goes what knows which volume is whose, so it is kept."""

    def __init__(self, account: Account, part: Cluster, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        self._roles: dict[str, pulumi.Output[str]] = {}
        allowed = {role.name: self._role(role) for role in part.roles}
        # Before the cluster, which would make it without retention and key; and after it when both go.
        group = log_group(self, "log", part.log_group, part.log_days)
        cluster = self._cluster(part, [group, *allowed["control"]])
        self._administrators(part, cluster)
        before = [self._addon(addon, cluster, allowed, []) for addon in part.addons if addon.before]
        nodes = self._nodes(part, cluster, [*before, *allowed["nodes"]])
        for addon in part.addons:
            if not addon.before:
                self._addon(addon, cluster, allowed, [nodes])
        account.late |= {
            "cluster-endpoint": cluster.endpoint,
            "cluster-authority": cluster.certificate_authority.apply(lambda found: found.data or ""),
            "nodes": cluster.vpc_config.apply(lambda found: found.cluster_security_group_id or ""),
        }
        self.register_outputs({"arn": cluster.arn, "endpoint": cluster.endpoint})

    def _cluster(self, part: Cluster, after: list[pulumi.Resource]) -> eks.Cluster:
        account = self.account
        return eks.Cluster(
            self.named(),
            name=part.called,
            version=part.version,
            role_arn=self._roles["control"],
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            bootstrap_self_managed_addons=False,
            deletion_protection=account.plan.retain,
            enabled_cluster_log_types=list(part.logs),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=account.late["key"]),
                resources=["secrets"],
            ),
            # An old version is turned into the next one, rather than paid for six times.
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=account.subnets,
                endpoint_private_access=True,
                endpoint_public_access=bool(part.reached_from),
                public_access_cidrs=list(part.reached_from) or None,
            ),
            opts=self.kept(depends_on=after),
        )

    def _role(self, role: Role) -> list[pulumi.Resource]:
        """What a role may do, which is to be there before it is used."""
        made = iam.Role(
            self.named(role.name), name=role.called, assume_role_policy=role.assume, opts=self.options()
        )
        self._roles[role.name] = made.arn
        allowed: list[pulumi.Resource] = [
            iam.RolePolicyAttachment(
                self.named(f"{role.name}-{policy.rpartition('/')[2]}"),
                role=made.name,
                policy_arn=policy,
                opts=self.options(),
            )
            for policy in role.managed
        ]
        if role.policy:
            policy = self.account.filled(role.policy)
            allowed.append(
                iam.RolePolicy(
                    self.named(f"{role.name}-may"), role=made.id, policy=policy, opts=self.options()
                )
            )
        return allowed

    def _administrators(self, part: Cluster, cluster: eks.Cluster) -> None:
        """Whoever makes the cluster is none of them by that. They are known by name, in whatever order."""
        for role in part.administrators:
            called = f"administrator-{role.partition(':role/')[2]}"
            entry = eks.AccessEntry(
                self.named(called),
                cluster_name=cluster.name,
                principal_arn=role,
                type="STANDARD",
                opts=self.options(),
            )
            eks.AccessPolicyAssociation(
                self.named(f"{called}-may"),
                cluster_name=cluster.name,
                principal_arn=entry.principal_arn,
                policy_arn=part.administers,
                access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=self.options(),
            )

    def _addon(
        self,
        addon: Addon,
        cluster: eks.Cluster,
        allowed: dict[str, list[pulumi.Resource]],
        after: list[pulumi.Resource],
    ) -> eks.Addon:
        """In the version that EKS has for the cluster's."""
        has = None
        if addon.role:
            arn = self._roles[addon.role]
            has = [eks.AddonPodIdentityAssociationArgs(role_arn=arn, service_account=addon.account)]
        return eks.Addon(
            self.named(addon.name),
            cluster_name=cluster.name,
            addon_name=addon.name,
            configuration_values=addon.settings or None,
            pod_identity_associations=has,
            opts=self.options(depends_on=[*after, *allowed.get(addon.role, [])]),
        )

    def _nodes(self, part: Cluster, cluster: eks.Cluster, after: list[pulumi.Resource]) -> eks.NodeGroup:
        """Pods reach no credentials of their node: its answers do not travel further than the node."""
        tags = dict(self.account.plan.tags)
        template = ec2.LaunchTemplate(
            self.named("template"),
            name=part.template,
            instance_type=part.instance_type,
            update_default_version=True,
            metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=DISK,
                    ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=part.disk_gib,
                        volume_type="gp3",
                        encrypted="true",
                        kms_key_id=self.account.late["key"],
                        delete_on_termination="true",
                    ),
                )
            ],
            # Those of the provider are on the template alone.
            tag_specifications=[
                ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
                for kind in ("instance", "volume")
            ],
            opts=self.options(),
        )
        return eks.NodeGroup(
            self.named("group"),
            cluster_name=cluster.name,
            node_group_name=part.called,
            node_role_arn=self._roles["nodes"],
            version=part.version,
            ami_type=part.image,
            capacity_type="ON_DEMAND",
            subnet_ids=self.account.subnets,
            scaling_config=eks.NodeGroupScalingConfigArgs(
                desired_size=part.nodes, max_size=part.nodes, min_size=part.nodes
            ),
            update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            launch_template=eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(_whole)
            ),
            # Two of a name cannot be: other processors, or other subnets, are other nodes altogether.
            opts=self.options(depends_on=after, delete_before_replace=True),
        )


def _whole(version: float) -> str:
    """A number as the engine has it, as EKS takes it."""
    return str(int(version))
