"""EKS, made by boto3 in moto from what Pulumi gives a resource; and how it is read, changed and taken away.

moto has clusters and groups of nodes. Add-ons and access entries are judged by botocore's model alone.
"""

from collections.abc import Callable
from typing import Any

import boto3

from tests.aws.ground import REGION, Inputs, Made, asked

CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ATTACHED = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
MAY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
NOT_IN_MOTO = (ENTRY, MAY, ADDON, IDENTITY)


def _logging(given: Inputs) -> Inputs:
    return {"clusterLogging": [{"types": given["enabledClusterLogTypes"], "enabled": True}]}


def _network(given: Inputs) -> Inputs:
    """A cluster's network, as EKS takes it: lists that are not given are left out."""
    return {name: value for name, value in given["vpcConfig"].items() if value is not None}


def _cluster(given: Inputs) -> Made:
    access, encryption = given["accessConfig"], given["encryptionConfig"]
    made = boto3.client("eks").create_cluster(
        name=given["name"],
        version=given["version"],
        roleArn=given["roleArn"],
        resourcesVpcConfig=_network(given),
        logging=_logging(given),
        encryptionConfig=[
            {
                "resources": encryption["resources"],
                "provider": {"keyArn": encryption["provider"]["keyArn"]},
            }
        ],
        accessConfig={
            "authenticationMode": access["authenticationMode"],
            "bootstrapClusterCreatorAdminPermissions": access["bootstrapClusterCreatorAdminPermissions"],
        },
        bootstrapSelfManagedAddons=given["bootstrapSelfManagedAddons"],
        upgradePolicy={"supportType": given["upgradePolicy"]["supportType"]},
        deletionProtection=given["deletionProtection"],
    )["cluster"]
    return given["name"], {
        "arn": made["arn"],
        "certificateAuthority": made["certificateAuthority"],
        "endpoint": made["endpoint"],
        "vpcConfig": {**given["vpcConfig"], "clusterSecurityGroupId": _group_of_nodes(given)},
    }


def _group_of_nodes(given: Inputs) -> str:
    """The one that EKS makes beside a cluster, and takes away with it."""
    client = boto3.client("ec2")
    [subnet] = client.describe_subnets(SubnetIds=given["vpcConfig"]["subnetIds"][:1])["Subnets"]
    called = f"eks-cluster-sg-{given['name']}"
    made = client.create_security_group(GroupName=called, Description="of EKS", VpcId=subnet["VpcId"])
    return str(made["GroupId"])


def _end_cluster(id_: str, _given: Inputs) -> None:
    boto3.client("eks").delete_cluster(name=id_)
    client = boto3.client("ec2")
    of = [{"Name": "group-name", "Values": [f"eks-cluster-sg-{id_}"]}]
    for group in client.describe_security_groups(Filters=of)["SecurityGroups"]:
        client.delete_security_group(GroupId=group["GroupId"])


def _change_cluster(id_: str, old: Inputs, new: Inputs) -> Inputs:
    if old["version"] != new["version"]:
        asked("eks", "UpdateClusterVersion", name=id_, version=new["version"])
    # Each of these is a call of its own, as EKS wants it.
    asked("eks", "UpdateClusterConfig", name=id_, deletionProtection=new["deletionProtection"])
    client = boto3.client("eks")
    client.update_cluster_config(name=id_, logging=_logging(new))
    client.update_cluster_config(name=id_, resourcesVpcConfig=_network(new))
    return {}


def _read_cluster(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("eks").describe_cluster(name=id_)["cluster"]
    kinds = [kind for item in found["logging"]["clusterLogging"] if item["enabled"] for kind in item["types"]]
    network = {name: found["resourcesVpcConfig"].get(name) for name in given["vpcConfig"]}
    return {"enabledClusterLogTypes": kinds, "version": found["version"], "vpcConfig": network}


def _scaling(given: Inputs) -> Inputs:
    of = given["scalingConfig"]
    return {"minSize": of["minSize"], "maxSize": of["maxSize"], "desiredSize": of["desiredSize"]}


def _nodes(given: Inputs) -> Made:
    template = given["launchTemplate"]
    made = boto3.client("eks").create_nodegroup(
        clusterName=given["clusterName"],
        nodegroupName=given["nodeGroupName"],
        nodeRole=given["nodeRoleArn"],
        subnets=given["subnetIds"],
        version=given["version"],
        amiType=given["amiType"],
        capacityType=given["capacityType"],
        scalingConfig=_scaling(given),
        updateConfig={"maxUnavailable": given["updateConfig"]["maxUnavailable"]},
        launchTemplate={"id": template["id"], "version": template["version"]},
    )["nodegroup"]
    return f"{given['clusterName']}:{given['nodeGroupName']}", {"arn": made["nodegroupArn"]}


def _named(id_: str) -> dict[str, str]:
    cluster, _, name = id_.partition(":")
    return {"clusterName": cluster, "nodegroupName": name}


def _change_nodes(id_: str, old: Inputs, new: Inputs) -> Inputs:
    if (old["version"], old["launchTemplate"]) != (new["version"], new["launchTemplate"]):
        asked(
            "eks",
            "UpdateNodegroupVersion",
            **_named(id_),
            version=new["version"],
            launchTemplate={name: new["launchTemplate"][name] for name in ("id", "version")},
        )
    boto3.client("eks").update_nodegroup_config(**_named(id_), scalingConfig=_scaling(new))
    return {}


def _read_nodes(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("eks").describe_nodegroup(**_named(id_))["nodegroup"]
    of = found["scalingConfig"]
    return {"scalingConfig": {**given["scalingConfig"], **{name: of[name] for name in _scaling(given)}}}


def _of_template(given: Inputs) -> dict[str, Any]:
    """The machine of a launch template, as EC2 takes it."""
    [disk], metadata = given["blockDeviceMappings"], given["metadataOptions"]
    return {
        "InstanceType": given["instanceType"],
        "BlockDeviceMappings": [
            {
                "DeviceName": disk["deviceName"],
                "Ebs": {
                    "VolumeSize": disk["ebs"]["volumeSize"],
                    "VolumeType": disk["ebs"]["volumeType"],
                    "Encrypted": disk["ebs"]["encrypted"] == "true",
                    "KmsKeyId": disk["ebs"]["kmsKeyId"],
                    "DeleteOnTermination": disk["ebs"]["deleteOnTermination"] == "true",
                },
            }
        ],
        "MetadataOptions": {
            "HttpEndpoint": metadata["httpEndpoint"],
            "HttpTokens": metadata["httpTokens"],
            "HttpPutResponseHopLimit": metadata["httpPutResponseHopLimit"],
        },
        "TagSpecifications": [
            {
                "ResourceType": item["resourceType"],
                "Tags": [{"Key": name, "Value": value} for name, value in item["tags"].items()],
            }
            for item in given["tagSpecifications"]
        ],
    }


def _template(given: Inputs) -> Made:
    made = boto3.client("ec2").create_launch_template(
        LaunchTemplateName=given["name"], LaunchTemplateData=_of_template(given)
    )["LaunchTemplate"]
    return made["LaunchTemplateId"], {"latestVersion": made["LatestVersionNumber"]}


def _change_template(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    """Another version, which is the default from then on."""
    client = boto3.client("ec2")
    made = client.create_launch_template_version(LaunchTemplateId=id_, LaunchTemplateData=_of_template(new))
    number = made["LaunchTemplateVersion"]["VersionNumber"]
    client.modify_launch_template(LaunchTemplateId=id_, DefaultVersion=str(number))
    return {"latestVersion": number}


def _read_template(id_: str, _given: Inputs) -> Inputs | None:
    found = boto3.client("ec2").describe_launch_templates(LaunchTemplateIds=[id_])["LaunchTemplates"]
    return {} if found else None


def _attached(given: Inputs) -> Made:
    boto3.client("iam").attach_role_policy(RoleName=given["role"], PolicyArn=given["policyArn"])
    return f"{given['role']}/{given['policyArn']}", {}


def _read_attached(_id: str, given: Inputs) -> Inputs | None:
    found = boto3.client("iam").list_attached_role_policies(RoleName=given["role"])["AttachedPolicies"]
    return {} if any(item["PolicyArn"] == given["policyArn"] for item in found) else None


def _addon(given: Inputs) -> Made:
    has = [
        {"serviceAccount": item["serviceAccount"], "roleArn": item["roleArn"]}
        for item in given.get("podIdentityAssociations") or ()
    ]
    settings = given.get("configurationValues")
    asked(
        "eks",
        "CreateAddon",
        clusterName=given["clusterName"],
        addonName=given["addonName"],
        **({"configurationValues": settings} if settings else {}),
        **({"podIdentityAssociations": has} if has else {}),
    )
    name = f"{given['clusterName']}:{given['addonName']}"
    return name, {"arn": f"arn:aws:eks:{REGION}:123456789012:addon/{name}"}


def _entry(given: Inputs) -> Made:
    of = {"clusterName": given["clusterName"], "principalArn": given["principalArn"]}
    asked("eks", "CreateAccessEntry", **of, type=given["type"])
    return f"{of['clusterName']}:{of['principalArn']}", {}


def _may(given: Inputs) -> Made:
    of = {"clusterName": given["clusterName"], "principalArn": given["principalArn"]}
    scope = {"type": given["accessScope"]["type"]}
    asked("eks", "AssociateAccessPolicy", **of, policyArn=given["policyArn"], accessScope=scope)
    return f"{of['clusterName']}#{of['principalArn']}#{given['policyArn']}", {}


def _identity(given: Inputs) -> Made:
    of = {name: given[name] for name in ("clusterName", "namespace", "serviceAccount")}
    asked("eks", "CreatePodIdentityAssociation", **of, roleArn=given["roleArn"])
    return f"{of['clusterName']},{of['namespace']}:{of['serviceAccount']}", {}


def _end_identity(id_: str, given: Inputs) -> None:
    of = {"clusterName": given["clusterName"], "associationId": id_}
    asked("eks", "DeletePodIdentityAssociation", **of)


MAKE: dict[str, Callable[[Inputs], Made]] = {
    TEMPLATE: _template,
    ENTRY: _entry,
    MAY: _may,
    ADDON: _addon,
    IDENTITY: _identity,
    CLUSTER: _cluster,
    NODES: _nodes,
    ATTACHED: _attached,
}

READ: dict[str, Callable[[str, Inputs], Inputs | None]] = {
    TEMPLATE: _read_template,
    CLUSTER: _read_cluster,
    NODES: _read_nodes,
    ATTACHED: _read_attached,
}

CHANGE: dict[str, Callable[[str, Inputs, Inputs], Inputs]] = {
    TEMPLATE: _change_template,
    CLUSTER: _change_cluster,
    NODES: _change_nodes,
}

ANOTHER = {
    TEMPLATE: frozenset({"name"}),
    ENTRY: frozenset({"*"}),
    IDENTITY: frozenset({"clusterName", "namespace", "serviceAccount"}),
    MAY: frozenset({"*"}),
    ADDON: frozenset({"addonName", "clusterName"}),
    CLUSTER: frozenset({"accessConfig", "bootstrapSelfManagedAddons", "encryptionConfig", "name", "roleArn"}),
    NODES: frozenset({"amiType", "capacityType", "clusterName", "nodeGroupName", "nodeRoleArn", "subnetIds"}),
    ATTACHED: frozenset({"policyArn", "role"}),
}


def _detached(_id: str, given: Inputs) -> None:
    boto3.client("iam").detach_role_policy(RoleName=given["role"], PolicyArn=given["policyArn"])


def _end_addon(_id: str, given: Inputs) -> None:
    asked("eks", "DeleteAddon", clusterName=given["clusterName"], addonName=given["addonName"])


def _end_entry(_id: str, given: Inputs) -> None:
    of = {"clusterName": given["clusterName"], "principalArn": given["principalArn"]}
    asked("eks", "DeleteAccessEntry", **of)


def _end_may(_id: str, given: Inputs) -> None:
    of = {"clusterName": given["clusterName"], "principalArn": given["principalArn"]}
    asked("eks", "DisassociateAccessPolicy", **of, policyArn=given["policyArn"])


END: dict[str, Callable[[str, Inputs], Any]] = {
    TEMPLATE: lambda id_, _given: boto3.client("ec2").delete_launch_template(LaunchTemplateId=id_),
    ENTRY: _end_entry,
    MAY: _end_may,
    ADDON: _end_addon,
    CLUSTER: _end_cluster,
    IDENTITY: _end_identity,
    NODES: lambda id_, _given: boto3.client("eks").delete_nodegroup(**_named(id_)),
    ATTACHED: _detached,
}

TAG: dict[str, Callable[[str, Inputs, dict[str, str]], object]] = {
    TEMPLATE: lambda id_, _made, tags: boto3.client("ec2").create_tags(
        Resources=[id_], Tags=[{"Key": name, "Value": value} for name, value in tags.items()]
    ),
    CLUSTER: lambda _id, made, tags: boto3.client("eks").tag_resource(resourceArn=made["arn"], tags=tags),
}
