"""The file system of what outlives its task."""

import pulumi
from pulumi_aws import ec2, efs, vpc

from aws.parts import Volumes
from aws.resources.component import Account, Component

NFS = 2049


class VolumesComponent(Component):
    """Encrypted, over TLS alone, reached from each subnet by tasks alone; a folder each, entered by role."""

    def __init__(self, account: Account, part: Volumes, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        system = efs.FileSystem(
            self.named(),
            creation_token=part.called,
            encrypted=True,
            kms_key_id=account.late["key"],
            throughput_mode="elastic",
            opts=self.kept(),
        )
        account.late |= {"volumes": system.id, "volumes-arn": system.arn}
        allowed = efs.FileSystemPolicy(
            self.named("policy"),
            file_system_id=system.id,
            policy=account.filled(part.policy),
            opts=self.options(),
        )
        reached = self._reached(system)
        for name in part.folders:
            folder = efs.AccessPoint(
                self.named(name),
                file_system_id=system.id,
                posix_user=efs.AccessPointPosixUserArgs(uid=part.owner, gid=part.owner),
                root_directory=efs.AccessPointRootDirectoryArgs(
                    path=f"/{name}",
                    creation_info=efs.AccessPointRootDirectoryCreationInfoArgs(
                        owner_uid=part.owner, owner_gid=part.owner, permissions="0700"
                    ),
                ),
                opts=self.options(depends_on=[allowed, *reached]),
            )
            account.late |= {f"folder/{name}": folder.arn, f"folder-id/{name}": folder.id}
        self.register_outputs({"volumes": system.id})

    def _reached(self, system: efs.FileSystem) -> list[pulumi.Resource]:
        """An address in each subnet, for tasks alone."""
        account = self.account
        group = ec2.SecurityGroup(
            self.named("group"),
            vpc_id=account.late["vpc"],
            description="Volumes of the stack, for its tasks alone",
            opts=self.options(),
        )
        vpc.SecurityGroupIngressRule(
            self.named("nfs"),
            security_group_id=group.id,
            referenced_security_group_id=account.late["tasks"],
            ip_protocol="tcp",
            from_port=NFS,
            to_port=NFS,
            opts=self.options(),
        )
        return [
            efs.MountTarget(
                self.named(f"in-{number}"),
                file_system_id=system.id,
                subnet_id=subnet,
                security_groups=[group.id],
                opts=self.options(),
            )
            for number, subnet in enumerate(account.subnets, 1)
        ]
