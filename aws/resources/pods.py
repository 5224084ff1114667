"""The ground of pods, and pods: objects of the stack's cluster, by Pulumi's provider of Kubernetes."""

import json
from collections.abc import Mapping
from importlib.metadata import version

import pulumi
from pulumi_aws import eks, iam, vpc
from pulumi_kubernetes import Provider

from aws.pods import Pod, Pods, objects_of
from aws.resources.component import Account, Component
from aws.resources.compute import config_bucket, documents
from aws.resources.log_group import log_group
from aws.resources.looked_at import looked_at
from aws.resources.secrets import brought
from k8s.parts import Manifest
from k8s.resources import Object

HTTPS = 443


class PodsComponent(Component):
    """A namespace, who reaches its pods, and the bucket of their documents; nodes reach the store."""

    def __init__(self, account: Account, part: Pods, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        config_bucket(self, part.bucket, part.bucket_policy)
        reached = vpc.SecurityGroupIngressRule(
            self.named("store-from-nodes"),
            security_group_id=account.late["store"],
            referenced_security_group_id=account.late["nodes"],
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            opts=self.options(),
        )
        account.pods = Provider(
            f"{account.plan.stack}-pods",
            kubeconfig=account.filled(part.kubeconfig),
            opts=pulumi.ResourceOptions(parent=self, version=version("pulumi_kubernetes")),
        )
        before: list[pulumi.Resource] = [reached]
        for found in objects_of(part):
            before = [*before, _object(self, part, found, before)]
        self.register_outputs({"bucket": part.bucket})


class PodComponent(Component):
    """Documents, secrets and the role of a program's pods, then what keeps one pod of each name."""

    def __init__(
        self,
        account: Account,
        part: Pod,
        secrets: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(account, part, opts)
        before: list[pulumi.Resource] = [*brought(self, part.given, secrets)]
        documents(self, part.name, part)
        if part.log_group:
            looked_at(self, log_group(self, "log", part.log_group, part.log_days), part)
        before += self._role(part)
        for found in objects_of(part):
            before = [*before, _object(self, part, found, before)]
        self.register_outputs({"role": part.role})

    def _role(self, part: Pod) -> list[pulumi.Resource]:
        """A pod is given it when it starts, and never later."""
        role = iam.Role(
            self.named("role"), name=part.role, assume_role_policy=part.assume, opts=self.options()
        )
        may = iam.RolePolicy(
            self.named("may"), role=role.id, policy=self.account.filled(part.policy), opts=self.options()
        )
        bound = eks.PodIdentityAssociation(
            self.named("identity"),
            cluster_name=part.cluster,
            namespace=part.namespace,
            service_account=part.account,
            role_arn=role.arn,
            opts=self.options(),
        )
        return [may, bound]


def _object(
    of: Component, part: Pods | Pod, found: tuple[str, str, dict[str, object]], before: list[pulumi.Resource]
) -> Object:
    """One of a part's, as the Kubernetes target makes its own; what is known later is filled in."""
    kind, name, body = found
    whole = Manifest(
        name=f"{kind.lower()}-{name}",
        place=part.place,
        pillar=part.pillar,
        kind=kind,
        object_name=name,
        namespace="" if kind == "Namespace" else part.namespace,
        body=body,
    )
    filled = {
        key: of.account.filled(json.dumps(value)).apply(json.loads) if key == "spec" else value
        for key, value in body.items()
    }
    opts = pulumi.ResourceOptions(parent=of, provider=of.account.pods, depends_on=before)
    return Object(whole.model_copy(update={"body": filled}), {}, False, opts)
