"""What AWS has of a resource, by boto3: the inputs that would make it as it is. What no function asks for
is taken to be as it was made; None says that the thing is gone."""

import json
from collections.abc import Callable

import boto3

from aws.account.taken import ADOPTED
from tests.aws import clusters, ground, registries
from tests.aws.ground import Inputs
from tests.aws.making import arn_of_log
from tests.aws.tasks import over_tls

Read = Callable[[str, Inputs], Inputs | None]
"""Takes the id and the inputs; gives those inputs that were looked at, as they are now. An input that is no
longer set there is None."""


def as_written(text: str, found: str | Inputs) -> str:
    """A document as AWS has it; spelt as it was given where it says the same."""
    value = json.loads(found) if isinstance(found, str) else found
    return text if value == json.loads(text) else json.dumps(value, sort_keys=True)


def _log_group(id_: str, _given: Inputs) -> Inputs | None:
    groups = boto3.client("logs").describe_log_groups(logGroupNamePrefix=id_)["logGroups"]
    for group in groups:
        if group["logGroupName"] == id_:
            tags = boto3.client("logs").list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))[
                "tags"
            ]
            own = {name: value for name, value in tags.items() if name == ADOPTED}
            return {
                "name": id_,
                "retentionInDays": group.get("retentionInDays"),
                "kmsKeyId": group.get("kmsKeyId"),
                "tags": own or None,
            }
    return None


def _counted(id_: str, given: Inputs) -> Inputs | None:
    found = boto3.client("logs").describe_metric_filters(logGroupName=given["logGroupName"])["metricFilters"]
    return next(({"pattern": item["filterPattern"]} for item in found if item["filterName"] == id_), None)


def _log_policy(id_: str, given: Inputs) -> Inputs | None:
    for item in boto3.client("logs").describe_resource_policies()["resourcePolicies"]:
        if item["policyName"] == id_:
            return {"policyDocument": as_written(given["policyDocument"], item["policyDocument"])}
    return None


def _key(id_: str, given: Inputs) -> Inputs | None:
    client = boto3.client("kms")
    if client.describe_key(KeyId=id_)["KeyMetadata"]["KeyState"] == "PendingDeletion":
        return None
    policy = client.get_key_policy(KeyId=id_, PolicyName="default")["Policy"]
    rotated = client.get_key_rotation_status(KeyId=id_)["KeyRotationEnabled"]
    return {"policy": as_written(given["policy"], policy), "enableKeyRotation": rotated}


def _alias(id_: str, _given: Inputs) -> Inputs | None:
    for item in boto3.client("kms").list_aliases()["Aliases"]:
        if item["AliasName"] == id_:
            return {"targetKeyId": item["TargetKeyId"]}
    return None


def _workspace(id_: str, given: Inputs) -> Inputs:
    client = boto3.client("amp")
    found = client.describe_workspace(workspaceId=id_)["workspace"]
    try:
        group = client.describe_logging_configuration(workspaceId=id_)["loggingConfiguration"].get(
            "logGroupArn"
        )
    except client.exceptions.ResourceNotFoundException:
        group = None
    return {"alias": found["alias"], "loggingConfiguration": {"logGroupArn": group} if group else None}


def _rules(_id: str, given: Inputs) -> Inputs:
    found = boto3.client("amp").describe_rule_groups_namespace(
        workspaceId=given["workspaceId"], name=given["name"]
    )
    return {"data": found["ruleGroupsNamespace"]["data"].decode()}


def _dashboard(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("cloudwatch").get_dashboard(DashboardName=id_)["DashboardBody"]
    return {"dashboardBody": as_written(given["dashboardBody"], found)}


def _alarm(id_: str, _given: Inputs) -> Inputs | None:
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=[id_])["MetricAlarms"]
    if not found:
        return None
    [alarm] = found
    return {
        "threshold": alarm["Threshold"],
        "alarmActions": alarm["AlarmActions"],
        "treatMissingData": alarm["TreatMissingData"],
        "comparisonOperator": alarm["ComparisonOperator"],
    }


def _group(id_: str, given: Inputs) -> Inputs:
    [group] = boto3.client("ec2").describe_security_groups(GroupIds=[id_])["SecurityGroups"]
    # What AWS gives every group; rules of the stack's own are resources of their own.
    wide = any(
        source["CidrIp"] == "0.0.0.0/0" and rule["IpProtocol"] == "-1"
        for rule in group["IpPermissionsEgress"]
        for source in rule["IpRanges"]
    )
    return {"egress": [{"protocol": "-1"}] if wide else given.get("egress")}


def _default_group(id_: str, _given: Inputs) -> Inputs:
    [group] = boto3.client("ec2").describe_security_groups(GroupIds=[id_])["SecurityGroups"]
    return {
        name: [{"protocol": rule["IpProtocol"]} for rule in group[of]] or None
        for name, of in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress"))
    }


def _rule(of: str) -> Read:
    def read(_id: str, given: Inputs) -> Inputs | None:
        groups = boto3.client("ec2").describe_security_groups(GroupIds=[given["securityGroupId"]])
        [group] = groups["SecurityGroups"]
        wanted = ground.rule(given)
        for found in group[of]:
            same = all(found.get(name) == wanted[name] for name in ("IpProtocol", "FromPort", "ToPort"))
            ranges = {item["CidrIp"] for item in found["IpRanges"]}
            pairs = {item["GroupId"] for item in found["UserIdGroupPairs"]}
            if same and (given.get("cidrIpv4") in ranges or given.get("referencedSecurityGroupId") in pairs):
                return {}
        return None

    return read


def _there(service: str, operation: str, parameter: str) -> Read:
    """Whether there is one of that id; AWS says so by an error if not."""

    def read(id_: str, _given: Inputs) -> Inputs:
        many = parameter.endswith("s")
        getattr(boto3.client(service), operation)(**{parameter: [id_] if many else id_})
        return {}

    return read


def _cluster(id_: str, _given: Inputs) -> Inputs | None:
    found = boto3.client("ecs").describe_clusters(clusters=[id_])["clusters"]
    return {} if any(item["status"] == "ACTIVE" for item in found) else None


def _service(id_: str, given: Inputs) -> Inputs | None:
    for item in boto3.client("ecs").describe_services(cluster=given["cluster"], services=[id_])["services"]:
        if item["status"] == "ACTIVE":
            return {"desiredCount": item["desiredCount"], "taskDefinition": item["taskDefinition"]}
    return None


def _definition(id_: str, _given: Inputs) -> Inputs | None:
    found = boto3.client("ecs").describe_task_definition(taskDefinition=id_)["taskDefinition"]
    return {} if found["status"] == "ACTIVE" else None


def _role(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("iam").get_role(RoleName=id_)["Role"]["AssumeRolePolicyDocument"]
    return {"assumeRolePolicy": as_written(given["assumeRolePolicy"], found)}


def _role_policy(id_: str, given: Inputs) -> Inputs:
    role, _, name = id_.partition(":")
    found = boto3.client("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    return {"policy": as_written(given["policy"], found)}


def _function(id_: str, _given: Inputs) -> Inputs:
    found = boto3.client("lambda").get_function_configuration(FunctionName=id_)
    return {
        "timeout": found["Timeout"],
        "runtime": found["Runtime"],
        "environment": {"variables": found["Environment"]["Variables"]},
    }


def _permission(id_: str, given: Inputs) -> Inputs | None:
    policy = json.loads(boto3.client("lambda").get_policy(FunctionName=given["function"])["Policy"])
    return {} if any(item["Sid"] == id_ for item in policy["Statement"]) else None


def _domain(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("opensearch").describe_domain(DomainName=id_)["DomainStatus"]
    return {
        "clusterConfig": {
            **given["clusterConfig"],
            "instanceCount": found["ClusterConfig"]["InstanceCount"],
            "instanceType": found["ClusterConfig"]["InstanceType"],
        },
        "ebsOptions": {**given["ebsOptions"], "volumeSize": found["EBSOptions"]["VolumeSize"]},
        "accessPolicies": as_written(given["accessPolicies"], found["AccessPolicies"]),
    }


def _bucket_policy(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("s3").get_bucket_policy(Bucket=id_)["Policy"]
    return {"policy": as_written(given["policy"], found)}


def _versioning(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("s3").get_bucket_versioning(Bucket=id_).get("Status", "Suspended")
    return {"versioningConfiguration": {**given["versioningConfiguration"], "status": found}}


def _private(id_: str, _given: Inputs) -> Inputs:
    found = boto3.client("s3").get_public_access_block(Bucket=id_)["PublicAccessBlockConfiguration"]
    return {name[0].lower() + name[1:]: value for name, value in found.items()}


def _document(id_: str, given: Inputs) -> Inputs:
    with over_tls(given["bucket"]) as client:
        client.head_object(Bucket=given["bucket"], Key=id_)
    return {}


def _queue(id_: str, given: Inputs) -> Inputs:
    client = boto3.client("sqs")
    found = client.get_queue_attributes(QueueUrl=id_, AttributeNames=["All"])["Attributes"]
    return {
        "messageRetentionSeconds": int(found["MessageRetentionPeriod"]),
        "policy": as_written(given["policy"], found["Policy"]),
    }


def _topic(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("sns").get_topic_attributes(TopicArn=id_)["Attributes"]
    own = {"policy": as_written(given["policy"], found["Policy"])} if "policy" in given else {}
    return {**own, "kmsMasterKeyId": found.get("KmsMasterKeyId")}


def _subscription(id_: str, given: Inputs) -> Inputs | None:
    found = boto3.client("sns").list_subscriptions_by_topic(TopicArn=given["topic"])["Subscriptions"]
    return {} if any(item["Endpoint"] == given["endpoint"] for item in found) else None


def _secret(id_: str, _given: Inputs) -> Inputs | None:
    found = boto3.client("secretsmanager").describe_secret(SecretId=id_)
    return None if "DeletedDate" in found else {"kmsKeyId": found.get("KmsKeyId")}


def _secret_value(id_: str, _given: Inputs) -> Inputs:
    found = boto3.client("secretsmanager").get_secret_value(SecretId=id_)
    return {"secretString": found["SecretString"]}


def _budget(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("budgets").describe_budget(AccountId="123456789012", BudgetName=id_)["Budget"]
    amount = found["BudgetLimit"]["Amount"]
    return {"limitAmount": given["limitAmount"] if float(amount) == float(given["limitAmount"]) else amount}


def _file_system_policy(id_: str, given: Inputs) -> Inputs:
    found = boto3.client("efs").describe_file_system_policy(FileSystemId=id_)["Policy"]
    return {"policy": as_written(given["policy"], found)}


NAMED: dict[str, Callable[[str], Inputs]] = {
    "aws:cloudwatch/logGroup:LogGroup": lambda id_: {"arn": arn_of_log(id_)},
}
"""What else AWS names, of those that are imported."""

READ: dict[str, Read] = {
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": _rules,
    "aws:amp/workspace:Workspace": _workspace,
    "aws:budgets/budget:Budget": _budget,
    "aws:cloudwatch/dashboard:Dashboard": _dashboard,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _counted,
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _log_policy,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _default_group,
    "aws:ec2/routeTable:RouteTable": _there("ec2", "describe_route_tables", "RouteTableIds"),
    "aws:ec2/securityGroup:SecurityGroup": _group,
    "aws:ec2/subnet:Subnet": _there("ec2", "describe_subnets", "SubnetIds"),
    "aws:ec2/vpc:Vpc": _there("ec2", "describe_vpcs", "VpcIds"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _there("ec2", "describe_vpc_endpoints", "VpcEndpointIds"),
    "aws:ecs/cluster:Cluster": _cluster,
    "aws:ecs/service:Service": _service,
    "aws:ecs/taskDefinition:TaskDefinition": _definition,
    "aws:efs/accessPoint:AccessPoint": _there("efs", "describe_access_points", "AccessPointId"),
    "aws:efs/fileSystem:FileSystem": _there("efs", "describe_file_systems", "FileSystemId"),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": _file_system_policy,
    "aws:efs/mountTarget:MountTarget": _there("efs", "describe_mount_targets", "MountTargetId"),
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:kms/alias:Alias": _alias,
    "aws:kms/key:Key": _key,
    "aws:lambda/function:Function": _function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _there(
        "lambda", "get_function_event_invoke_config", "FunctionName"
    ),
    "aws:lambda/permission:Permission": _permission,
    "aws:lb/listener:Listener": _there("elbv2", "describe_listeners", "ListenerArns"),
    "aws:lb/loadBalancer:LoadBalancer": _there("elbv2", "describe_load_balancers", "LoadBalancerArns"),
    "aws:lb/targetGroup:TargetGroup": _there("elbv2", "describe_target_groups", "TargetGroupArns"),
    "aws:opensearch/domain:Domain": _domain,
    "aws:s3/bucket:Bucket": _there("s3", "head_bucket", "Bucket"),
    "aws:s3/bucketObjectv2:BucketObjectv2": _document,
    "aws:s3/bucketPolicy:BucketPolicy": _bucket_policy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _private,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _there(
        "s3", "get_bucket_encryption", "Bucket"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _versioning,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:secretsmanager/secretVersion:SecretVersion": _secret_value,
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": _there(
        "servicediscovery", "get_namespace", "Id"
    ),
    "aws:servicediscovery/service:Service": _there("servicediscovery", "get_service", "Id"),
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:sqs/queue:Queue": _queue,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("IpPermissions"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("IpPermissionsEgress"),
    **clusters.READ,
    **registries.READ,
}
