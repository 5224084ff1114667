"""Tasks and their ground, made by boto3 in moto from what Pulumi gives a resource."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.aws.ground import ONE_AT_A_TIME, Inputs, Made


def cluster(given: Inputs) -> Made:
    made = boto3.client("ecs").create_cluster(clusterName=given["name"], settings=given["settings"])
    return made["cluster"]["clusterArn"], {"arn": made["cluster"]["clusterArn"]}


def namespace(given: Inputs) -> Made:
    client = boto3.client("servicediscovery")
    client.create_private_dns_namespace(Name=given["name"], Vpc=given["vpc"])
    [found] = [item for item in client.list_namespaces()["Namespaces"] if item["Name"] == given["name"]]
    return found["Id"], {"arn": found["Arn"]}


def named(given: Inputs) -> Made:
    config = given["dnsConfig"]
    made = boto3.client("servicediscovery").create_service(
        Name=given["name"],
        DnsConfig={
            "NamespaceId": config["namespaceId"],
            "RoutingPolicy": config["routingPolicy"],
            "DnsRecords": [{"Type": item["type"], "TTL": item["ttl"]} for item in config["dnsRecords"]],
        },
    )
    return made["Service"]["Id"], {"arn": made["Service"]["Arn"]}


@contextmanager
def over_tls(bucket: str) -> Iterator[Any]:
    """A client for a bucket, whichever policy it has: moto reads a denial, and not its condition."""
    client = boto3.client("s3")
    with ONE_AT_A_TIME:
        try:
            policy = client.get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:  # none yet
            yield client
            return
        client.delete_bucket_policy(Bucket=bucket)
        try:
            yield client
        finally:
            client.put_bucket_policy(Bucket=bucket, Policy=policy)


def document(given: Inputs) -> Made:
    with over_tls(given["bucket"]) as client:
        made = client.put_object(
            Bucket=given["bucket"],
            Key=given["key"],
            Body=given["content"].encode(),
            ContentType=given["contentType"],
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=given["kmsKeyId"],
        )
    return given["key"], {"versionId": made["VersionId"]}


def _of_efs(volume: Inputs) -> Inputs:
    """A volume that outlives the task."""
    if not (given := volume.get("efsVolumeConfiguration")):
        return {}
    by = given["authorizationConfig"]
    return {
        "efsVolumeConfiguration": {
            "fileSystemId": given["fileSystemId"],
            "transitEncryption": given["transitEncryption"],
            "authorizationConfig": {"accessPointId": by["accessPointId"], "iam": by["iam"]},
        }
    }


def definition(given: Inputs) -> Made:
    platform = given["runtimePlatform"]
    made = boto3.client("ecs").register_task_definition(
        family=given["family"],
        containerDefinitions=json.loads(given["containerDefinitions"]),
        cpu=given["cpu"],
        memory=given["memory"],
        networkMode=given["networkMode"],
        requiresCompatibilities=given["requiresCompatibilities"],
        runtimePlatform={
            "cpuArchitecture": platform["cpuArchitecture"],
            "operatingSystemFamily": platform["operatingSystemFamily"],
        },
        volumes=[{"name": item["name"], **_of_efs(item)} for item in given["volumes"]],
        executionRoleArn=given["executionRoleArn"],
        taskRoleArn=given["taskRoleArn"],
    )
    arn = made["taskDefinition"]["taskDefinitionArn"]
    return arn, {"arn": arn}


def service(given: Inputs) -> Made:
    network, breaker = given["networkConfiguration"], given["deploymentCircuitBreaker"]
    made = boto3.client("ecs").create_service(
        serviceName=given["name"],
        cluster=given["cluster"],
        taskDefinition=given["taskDefinition"],
        desiredCount=given["desiredCount"],
        launchType=given["launchType"],
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": network["subnets"],
                "securityGroups": network["securityGroups"],
                "assignPublicIp": "ENABLED" if network["assignPublicIp"] else "DISABLED",
            }
        },
        loadBalancers=[
            {
                "targetGroupArn": item["targetGroupArn"],
                "containerName": item["containerName"],
                "containerPort": item["containerPort"],
            }
            for item in given.get("loadBalancers", ())
        ],
        serviceRegistries=[{"registryArn": given["serviceRegistries"]["registryArn"]}],
        deploymentConfiguration={
            "minimumHealthyPercent": given["deploymentMinimumHealthyPercent"],
            "maximumPercent": given["deploymentMaximumPercent"],
            "deploymentCircuitBreaker": {"enable": breaker["enable"], "rollback": breaker["rollback"]},
        },
        propagateTags=given["propagateTags"],
    )
    return made["service"]["serviceArn"], {"arn": made["service"]["serviceArn"]}


def page(given: Inputs) -> Made:
    boto3.client("cloudwatch").put_dashboard(
        DashboardName=given["dashboardName"], DashboardBody=given["dashboardBody"]
    )
    return given["dashboardName"], {}


def of_budget(given: Inputs) -> Inputs:
    """A budget as the service takes it."""
    return {
        "BudgetName": given["name"],
        "BudgetType": given["budgetType"],
        "TimeUnit": given["timeUnit"],
        "BudgetLimit": {"Amount": given["limitAmount"], "Unit": given["limitUnit"]},
        "CostFilters": {item["name"]: item["values"] for item in given["costFilters"]},
    }


def budget(given: Inputs) -> Made:
    boto3.client("budgets").create_budget(
        AccountId="123456789012",
        Budget=of_budget(given),
        NotificationsWithSubscribers=[
            {
                "Notification": {
                    "NotificationType": item["notificationType"],
                    "ComparisonOperator": item["comparisonOperator"],
                    "Threshold": item["threshold"],
                    "ThresholdType": item["thresholdType"],
                },
                "Subscribers": [
                    {"SubscriptionType": "EMAIL", "Address": mail}
                    for mail in item["subscriberEmailAddresses"]
                ],
            }
            for item in given["notifications"]
        ],
    )
    return given["name"], {}
