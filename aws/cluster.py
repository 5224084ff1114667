"""A cluster of EKS, decided: for services that others deploy, or for a stack of target kubernetes.

Its interface is reached from within the network, unless networks outside are named. Who may do something in
it is in the account (access entries), not in the cluster. Pods have roles of their own (Pod Identity), and
cannot take the one of their node.
"""

import re

from aws.documents import canonical
from aws.names import Names
from aws.parts import Addon, Cluster, Key, Network, Role, late
from aws.policies import Statement, allow, assumed_by, policy
from components.plan import Pillar
from components.spec import Spec
from components.spec.aws import days

LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""All that a control plane writes."""
ENDPOINTS = ("ec2", "eks", "eks-auth")
"""Services that nodes and their pods ask beyond those that tasks do."""
SYSTEM = "kube-system"
MANAGED = {
    "AmazonEKSClusterPolicy": "what a control plane does in an account, which grows with versions of EKS",
    "AmazonEKSWorkerNodeMinimalPolicy": "what a node asks when it joins",
    "AmazonEC2ContainerRegistryPullOnly": "a node fetches images, of whichever pod",
    "AmazonEKS_CNI_Policy": "addresses of pods are interfaces of machines that are not known before",
    "AmazonEBSCSIDriverPolicyV2": "volumes are made when a pod asks; it names them by tags",
}
"""Policies of AWS's own that roles of a cluster have, and why: they name resources by patterns, since these
come and go with nodes and volumes. AWS changes them with its services."""
GRANTED = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
USES = (
    *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
    *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
)
"""What is done with the key where a disk is made of it."""
SCALING = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
"""Whom AWS has start nodes."""


def cluster(spec: Spec, names: Names, key: Key, network: Network) -> Cluster | None:
    """None where no version is named."""
    given = spec.aws.cluster
    if given.version is None:
        return None
    return Cluster(
        place=names.region,
        pillar=Pillar.SERVICES,
        needs=(key.id, network.id),
        called=names.prefix,
        version=given.version,
        logs=LOGS,
        log_group=log_group(names),
        log_days=days(spec.aws.log_retention),
        administrators=given.administrators,
        administers=f"arn:{names.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        reached_from=given.reached_from,
        template=names.own("nodes"),
        instance_type=given.instance_type,
        image=image(given.instance_type),
        nodes=given.nodes,
        disk_gib=given.disk_gib,
        roles=_roles(names),
        addons=_addons(),
    )


def log_group(names: Names) -> str:
    """EKS writes into this one, and no other."""
    return f"/aws/eks/{names.prefix}/cluster"


def image(instance_type: str) -> str:
    """Machines with a `g` behind the number of their generation have processors of AWS's own."""
    arm = re.match(r"[a-z]+[0-9]+[a-z]*g", instance_type.partition(".")[0])
    return f"AL2023_{'ARM_64' if arm else 'x86_64'}_STANDARD"


def of_nodes(names: Names) -> tuple[Statement, ...]:
    """Statements of the key's own policy: disks of nodes are made by a role of the account that AWS keeps."""
    by = {
        "Effect": "Allow",
        "Principal": {"AWS": names.arn("iam", SCALING, everywhere=True)},
        "Resource": "*",
    }
    return (
        {**by, "Sid": "Nodes", "Action": list(USES)},
        {**by, "Sid": "DisksOfNodes", "Action": "kms:CreateGrant", "Condition": GRANTED},
    )


def _roles(names: Names) -> tuple[Role, ...]:
    """Of the control plane, of nodes, and of the two add-ons that ask AWS."""
    key = (late("key"),)
    secrets = allow(("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"), key)
    granted = allow(("kms:CreateGrant",), key, **GRANTED)
    return (
        Role(
            name="control",
            called=names.own("cluster"),
            assume=canonical(assumed_by("eks.amazonaws.com", names.account)),
            managed=_managed(names, "AmazonEKSClusterPolicy"),
            policy=canonical(policy(secrets)),
        ),
        Role(
            name="nodes",
            called=names.own("nodes"),
            assume=canonical(_machines()),
            managed=_managed(names, "AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodeMinimalPolicy"),
        ),
        Role(
            name="addresses",
            called=names.own("addresses"),
            assume=canonical(by_pods(names, "aws-node")),
            managed=_managed(names, "AmazonEKS_CNI_Policy"),
        ),
        Role(
            name="disks",
            called=names.own("disks"),
            assume=canonical(by_pods(names, "ebs-csi-controller-sa")),
            managed=_managed(names, "AmazonEBSCSIDriverPolicyV2"),
            policy=canonical(policy(allow(USES, key), granted)),
        ),
    )


def _managed(names: Names, *policies: str) -> tuple[str, ...]:
    return tuple(f"arn:{names.partition}:iam::aws:policy/{name}" for name in policies)


def _machines() -> Statement:
    """Machines of the account: EC2 says nothing of whose they are, and takes the role from nobody else."""
    return policy(
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )


def by_pods(names: Names, account: str, namespace: str = SYSTEM) -> Statement:
    """Pods of one service account of this cluster, which have a role so."""
    of = {
        "eks-cluster-arn": names.arn("eks", f"cluster/{names.prefix}"),
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": account,
    }
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringEquals": {f"aws:RequestTag/{tag}": value for tag, value in of.items()}},
        }
    )


def _addons() -> tuple[Addon, ...]:
    """Without network policies being enforced, those of target kubernetes would keep nobody out."""
    return (
        Addon(name="eks-pod-identity-agent", before=True),
        Addon(name="kube-proxy", before=True),
        Addon(
            name="vpc-cni",
            before=True,
            account="aws-node",
            role="addresses",
            settings=canonical({"enableNetworkPolicy": "true"}),
        ),
        Addon(name="aws-ebs-csi-driver", before=False, account="ebs-csi-controller-sa", role="disks"),
        Addon(name="coredns", before=False),
    )
