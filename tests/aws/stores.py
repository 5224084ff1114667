"""The domain and secrets, made by boto3 in moto from what Pulumi gives a resource."""

from typing import Any

import boto3

from tests.aws.ground import Inputs, Made


def domain(given: Inputs) -> Made:
    made = boto3.client("opensearch").create_domain(**wanted(given))
    endpoint = f"vpc-{given['domainName']}.example"
    return given["domainName"], {"arn": made["DomainStatus"]["ARN"], "endpoint": endpoint}


def wanted(given: Inputs) -> dict[str, Any]:
    """A domain as the service takes it."""
    cluster = given["clusterConfig"]
    return {
        "DomainName": given["domainName"],
        "EngineVersion": given["engineVersion"],
        "ClusterConfig": {
            "InstanceType": cluster["instanceType"],
            "InstanceCount": cluster["instanceCount"],
            "DedicatedMasterEnabled": cluster["dedicatedMasterEnabled"],
            **(
                {
                    "DedicatedMasterType": cluster["dedicatedMasterType"],
                    "DedicatedMasterCount": cluster["dedicatedMasterCount"],
                }
                if cluster["dedicatedMasterEnabled"]
                else {}
            ),
            "ZoneAwarenessEnabled": cluster["zoneAwarenessEnabled"],
            "ZoneAwarenessConfig": {
                "AvailabilityZoneCount": cluster["zoneAwarenessConfig"]["availabilityZoneCount"]
            },
            "MultiAZWithStandbyEnabled": cluster["multiAzWithStandbyEnabled"],
        },
        "EBSOptions": {
            "EBSEnabled": given["ebsOptions"]["ebsEnabled"],
            "VolumeType": given["ebsOptions"]["volumeType"],
            "VolumeSize": given["ebsOptions"]["volumeSize"],
        },
        "AccessPolicies": given["accessPolicies"],
        "VPCOptions": {
            "SubnetIds": given["vpcOptions"]["subnetIds"],
            "SecurityGroupIds": given["vpcOptions"]["securityGroupIds"],
        },
        "EncryptionAtRestOptions": {
            "Enabled": given["encryptAtRest"]["enabled"],
            "KmsKeyId": given["encryptAtRest"]["kmsKeyId"],
        },
        "NodeToNodeEncryptionOptions": {"Enabled": given["nodeToNodeEncryption"]["enabled"]},
        "DomainEndpointOptions": {
            "EnforceHTTPS": given["domainEndpointOptions"]["enforceHttps"],
            "TLSSecurityPolicy": given["domainEndpointOptions"]["tlsSecurityPolicy"],
        },
        "AdvancedSecurityOptions": _security(given["advancedSecurityOptions"]),
        "LogPublishingOptions": {
            item["logType"]: {"CloudWatchLogsLogGroupArn": item["cloudwatchLogGroupArn"]}
            for item in given["logPublishingOptions"]
        },
        "SoftwareUpdateOptions": {
            "AutoSoftwareUpdateEnabled": given["softwareUpdateOptions"]["autoSoftwareUpdateEnabled"]
        },
    }


def _security(given: Inputs) -> Inputs:
    master = given["masterUserOptions"]
    return {
        "Enabled": given["enabled"],
        "InternalUserDatabaseEnabled": given["internalUserDatabaseEnabled"],
        "AnonymousAuthEnabled": given["anonymousAuthEnabled"],
        "MasterUserOptions": {
            "MasterUserName": master["masterUserName"],
            "MasterUserPassword": master["masterUserPassword"],
        },
    }


def log_policy(given: Inputs) -> Made:
    boto3.client("logs").put_resource_policy(
        policyName=given["policyName"], policyDocument=given["policyDocument"]
    )
    return given["policyName"], {}


def secret(given: Inputs) -> Made:
    made = boto3.client("secretsmanager").create_secret(Name=given["name"], KmsKeyId=given["kmsKeyId"])
    return made["ARN"], {"arn": made["ARN"]}


def secret_value(given: Inputs) -> Made:
    boto3.client("secretsmanager").put_secret_value(
        SecretId=given["secretId"], SecretString=given["secretString"]
    )
    return given["secretId"], {"secretString": given["secretString"]}


def password(given: Inputs) -> Inputs:
    """What `getRandomPassword` answers."""
    made = boto3.client("secretsmanager").get_random_password(
        PasswordLength=given["passwordLength"],
        ExcludeCharacters=given["excludeCharacters"],
        RequireEachIncludedType=given["requireEachIncludedType"],
    )
    return {**given, "id": "password", "randomPassword": made["RandomPassword"]}
