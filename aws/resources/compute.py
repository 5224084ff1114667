"""The ground of tasks, and tasks."""

import json
from collections.abc import Mapping

import pulumi
from pulumi_aws import ecs, iam, s3, servicediscovery

from aws.parts import Compute, Task
from aws.pods import Pod
from aws.resources.bucket import private
from aws.resources.component import Account, Component
from aws.resources.log_group import log_group
from aws.resources.looked_at import looked_at
from aws.resources.secrets import brought

DATA = "data"
"""The volume of what a program keeps."""
SECONDS = 10
"""How long a name may be remembered: a new task has another address."""
OLDER = 90
"""Days for which older versions of documents stay, for a task that is rolled back."""


class ComputeComponent(Component):
    """A cluster of Fargate, the private zone of its tasks, and the bucket of their documents."""

    def __init__(self, account: Account, part: Compute, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        cluster = ecs.Cluster(
            self.named(),
            name=part.cluster,
            settings=[ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            opts=self.options(),
        )
        zone = servicediscovery.PrivateDnsNamespace(
            self.named("zone"), name=part.zone, vpc=account.late["vpc"], opts=self.options()
        )
        config_bucket(self, part.bucket, part.bucket_policy)
        account.late |= {"cluster": cluster.arn, "zone": zone.id}
        if part.files:
            documents(self, "shared", part)
        self.register_outputs({"cluster": cluster.arn, "zone": zone.id})


def config_bucket(of: Component, name: str, policy: str) -> None:
    """The bucket of what programs read. Older versions of documents are nobody's resource, and S3 removes no
    bucket that holds something."""
    bucket = s3.Bucket(of.named("config"), bucket=name, force_destroy=True, opts=of.options())
    versioning = private(of, bucket, policy)
    rule = s3.BucketLifecycleConfigurationRuleArgs(
        id="older",
        status="Enabled",
        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
            noncurrent_days=OLDER
        ),
    )
    s3.BucketLifecycleConfiguration(
        of.named("lifecycle"),
        bucket=bucket.id,
        rules=[rule],
        opts=of.options(depends_on=[versioning]),
    )
    of.account.late["config"] = versioning.bucket


def documents(of: Component, name: str, part: Compute | Task | Pod) -> None:
    """The files of a part as one object, known by its version."""
    account = of.account
    made = s3.BucketObjectv2(
        of.named("documents"),
        bucket=account.late["config"],
        key=part.key,
        content=account.filled(json.dumps(dict(part.files), sort_keys=True, indent=1)),
        content_type="application/json",
        kms_key_id=account.late["key"],
        opts=of.options(),
    )
    account.late[f"files/{name}"] = made.version_id


class TaskComponent(Component):
    """Documents, roles and definition of a program's task, and a service that keeps one of each name."""

    def __init__(
        self,
        account: Account,
        part: Task,
        secrets: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(account, part, opts)
        brought(self, part.given, secrets)
        documents(self, part.name, part)
        definition = self._definition(part)
        for name in part.instances:
            self._service(part, name, definition)
        self.register_outputs({"definition": definition.arn})

    def _definition(self, part: Task) -> ecs.TaskDefinition:
        """A change of documents is another version, and so another definition: tasks are made anew."""
        group = log_group(self, "log", part.log_group, part.log_days)
        looked_at(self, group, part)
        return ecs.TaskDefinition(
            self.named("definition"),
            family=part.family,
            container_definitions=self.account.filled(part.containers),
            cpu=str(part.cpu),
            memory=str(part.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture="X86_64", operating_system_family="LINUX"
            ),
            volumes=[self._volume(part, name) for name in part.volumes],
            execution_role_arn=self._role(part, "execution", part.execution_policy),
            task_role_arn=self._role(part, "task", part.task_policy),
            opts=self.options(),
        )

    def _volume(self, part: Task, name: str) -> ecs.TaskDefinitionVolumeArgs:
        """Of the task's own disk; or, of data that outlives it, its folder of the file system."""
        if not part.kept or name != DATA:
            return ecs.TaskDefinitionVolumeArgs(name=name)
        late = self.account.late
        return ecs.TaskDefinitionVolumeArgs(
            name=name,
            efs_volume_configuration=ecs.TaskDefinitionVolumeEfsVolumeConfigurationArgs(
                file_system_id=late["volumes"],
                transit_encryption="ENABLED",
                authorization_config=ecs.TaskDefinitionVolumeEfsVolumeConfigurationAuthorizationConfigArgs(
                    access_point_id=late[f"folder-id/{part.name}"], iam="ENABLED"
                ),
            ),
        )

    def _role(self, part: Task, kind: str, may: str) -> pulumi.Output[str]:
        role = iam.Role(
            self.named(kind),
            name=f"{part.family}-{kind}",
            assume_role_policy=part.assume,
            opts=self.options(),
        )
        iam.RolePolicy(
            self.named(f"{kind}-may"), role=role.id, policy=self.account.filled(may), opts=self.options()
        )
        arn: pulumi.Output[str] = role.arn
        return arn

    def _service(self, part: Task, name: str, definition: ecs.TaskDefinition) -> None:
        account = self.account
        record = servicediscovery.ServiceDnsConfigDnsRecordArgs(ttl=SECONDS, type="A")
        known = servicediscovery.Service(
            self.named(f"{name}-name"),
            name=name,
            dns_config=servicediscovery.ServiceDnsConfigArgs(
                namespace_id=account.late["zone"], dns_records=[record], routing_policy="MULTIVALUE"
            ),
            opts=self.options(),
        )
        ecs.Service(
            self.named(f"{name}-service"),
            name=name,
            cluster=account.late["cluster"],
            task_definition=definition.arn,
            desired_count=1,
            launch_type="FARGATE",
            network_configuration=ecs.ServiceNetworkConfigurationArgs(
                subnets=account.subnets, security_groups=[account.late["tasks"]], assign_public_ip=False
            ),
            load_balancers=[
                ecs.ServiceLoadBalancerArgs(
                    target_group_arn=account.late[f"target/{target}"],
                    container_name=part.name,
                    container_port=port,
                )
                for target, port in part.balanced
            ],
            service_registries=ecs.ServiceServiceRegistriesArgs(registry_arn=known.arn),
            deployment_minimum_healthy_percent=100 if part.beside else 0,
            deployment_maximum_percent=200 if part.beside else 100,
            deployment_circuit_breaker=ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
            propagate_tags="SERVICE",
            wait_for_steady_state=True,
            opts=self.options(),
        )
