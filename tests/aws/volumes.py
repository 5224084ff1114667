"""The file system of what outlives its task, made by boto3 in moto from what Pulumi gives a resource."""

import boto3

from tests.aws.ground import Inputs, Made


def system(given: Inputs) -> Made:
    made = boto3.client("efs").create_file_system(
        CreationToken=given["creationToken"],
        Encrypted=given["encrypted"],
        KmsKeyId=given["kmsKeyId"],
        ThroughputMode=given["throughputMode"],
    )
    return made["FileSystemId"], {"arn": made["FileSystemArn"]}


def policy(given: Inputs) -> Made:
    boto3.client("efs").put_file_system_policy(FileSystemId=given["fileSystemId"], Policy=given["policy"])
    return given["fileSystemId"], {}


def folder(given: Inputs) -> Made:
    user, root = given["posixUser"], given["rootDirectory"]
    info = root["creationInfo"]
    made = boto3.client("efs").create_access_point(
        # Whoever sends a token twice means the same one.
        ClientToken=f"{given['fileSystemId']}{root['path']}"[:64],
        FileSystemId=given["fileSystemId"],
        PosixUser={"Uid": user["uid"], "Gid": user["gid"]},
        RootDirectory={
            "Path": root["path"],
            "CreationInfo": {
                "OwnerUid": info["ownerUid"],
                "OwnerGid": info["ownerGid"],
                "Permissions": info["permissions"],
            },
        },
    )
    return made["AccessPointId"], {"arn": made["AccessPointArn"]}


def target(given: Inputs) -> Made:
    made = boto3.client("efs").create_mount_target(
        FileSystemId=given["fileSystemId"],
        SubnetId=given["subnetId"],
        SecurityGroups=given["securityGroups"],
    )
    return made["MountTargetId"], {}
