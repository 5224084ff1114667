"""The load balancer, and X-Ray's group, made by boto3 in moto from what Pulumi gives a resource."""

from typing import Any

import boto3

from tests.aws.ground import Inputs, Made


def balancer(given: Inputs) -> Made:
    client = boto3.client("elbv2")
    [made] = client.create_load_balancer(
        Name=given["name"],
        Type=given["loadBalancerType"],
        Scheme="internal" if given["internal"] else "internet-facing",
        SecurityGroups=given["securityGroups"],
        Subnets=given["subnets"],
    )["LoadBalancers"]
    client.modify_load_balancer_attributes(
        LoadBalancerArn=made["LoadBalancerArn"],
        Attributes=[
            {
                "Key": "load_balancing.cross_zone.enabled",
                "Value": str(given["enableCrossZoneLoadBalancing"]).lower(),
            }
        ],
    )
    return made["LoadBalancerArn"], {"arn": made["LoadBalancerArn"], "dnsName": made["DNSName"]}


def targets(given: Inputs) -> Made:
    health = given["healthCheck"]
    [made] = boto3.client("elbv2").create_target_group(
        Name=given["name"],
        Port=given["port"],
        Protocol=given["protocol"],
        TargetType=given["targetType"],
        VpcId=given["vpcId"],
        HealthCheckProtocol=health["protocol"],
        HealthCheckPort=health["port"],
        HealthCheckPath=health["path"],
        HealthCheckIntervalSeconds=health["interval"],
        HealthyThresholdCount=health["healthyThreshold"],
    )["TargetGroups"]
    return made["TargetGroupArn"], {"arn": made["TargetGroupArn"]}


def of_listener(given: Inputs) -> dict[str, Any]:
    """A listener as the service takes it."""
    return {
        "LoadBalancerArn": given["loadBalancerArn"],
        "Port": given["port"],
        "Protocol": given["protocol"],
        "AlpnPolicy": [given["alpnPolicy"]],
        "SslPolicy": given["sslPolicy"],
        "Certificates": [{"CertificateArn": given["certificateArn"]}],
        "DefaultActions": [
            {"Type": item["type"], "TargetGroupArn": item["targetGroupArn"]}
            for item in given["defaultActions"]
        ],
    }


def listener(given: Inputs) -> Made:
    """As a whole it is judged by the model: moto takes no certificate that it did not make."""
    wanted = of_listener(given)
    plain = {name: wanted[name] for name in ("LoadBalancerArn", "Port", "DefaultActions")}
    [made] = boto3.client("elbv2").create_listener(**plain, Protocol="TCP")["Listeners"]
    return made["ListenerArn"], {"arn": made["ListenerArn"]}


def of_group(given: Inputs) -> dict[str, Any]:
    """A group of traces as the service takes it."""
    return {
        "GroupName": given["groupName"],
        "FilterExpression": given["filterExpression"],
        "InsightsConfiguration": {"InsightsEnabled": given["insightsConfiguration"]["insightsEnabled"]},
    }
