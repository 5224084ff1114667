"""How each resource is taken away again, by boto3, as the official provider does it."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.aws import clusters, ground, registries
from tests.aws.ground import Inputs, asked
from tests.aws.tasks import over_tls

End = Callable[[str, Inputs], Any]
"""Takes the id and the inputs."""

GONE = ("404", "NonExistentQueue", "QueueDoesNotExist", "ClusterNotFoundException")


def is_gone(error: ClientError) -> bool:
    """Whether AWS says that there is no such thing."""
    code = error.response["Error"]["Code"]
    return "NotFound" in code or code.startswith("NoSuch") or any(end in code for end in GONE)


def _nothing(_id: str, _given: Inputs) -> None:
    """The official provider forgets it, and changes nothing."""


def _versions(client: Any, bucket: str, prefix: str) -> None:
    found = client.list_object_versions(Bucket=bucket, Prefix=prefix)
    for item in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]:
        client.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def _document(id_: str, given: Inputs) -> None:
    with over_tls(given["bucket"]) as client:
        _versions(client, given["bucket"], id_)


def _bucket(id_: str, given: Inputs) -> None:
    client = boto3.client("s3")
    if given["forceDestroy"]:
        _versions(client, id_, "")
    client.delete_bucket(Bucket=id_)


def _secret(id_: str, given: Inputs) -> None:
    window = given.get("recoveryWindowInDays", 30)
    how = {"RecoveryWindowInDays": window} if window else {"ForceDeleteWithoutRecovery": True}
    boto3.client("secretsmanager").delete_secret(SecretId=id_, **how)


def _service(id_: str, given: Inputs) -> None:
    boto3.client("ecs").delete_service(cluster=given["cluster"], service=id_, force=True)


def _exit(_id: str, given: Inputs) -> None:
    boto3.client("ec2").revoke_security_group_egress(
        GroupId=given["securityGroupId"], IpPermissions=[ground.rule(given)]
    )


def _entrance(_id: str, given: Inputs) -> None:
    boto3.client("ec2").revoke_security_group_ingress(
        GroupId=given["securityGroupId"], IpPermissions=[ground.rule(given)]
    )


def _call(service: str, operation: str, parameter: str) -> End:
    """One that needs nothing but the id."""

    def end(id_: str, _given: Inputs) -> None:
        getattr(boto3.client(service), operation)(**{parameter: id_})

    return end


def _of_bucket(operation: str) -> End:
    return _call("s3", operation, "Bucket")


END: dict[str, End] = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": lambda _id, given: asked(
        "amp", "DeleteAlertManagerDefinition", workspaceId=given["workspaceId"]
    ),
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": lambda _id, given: boto3.client(
        "amp"
    ).delete_rule_groups_namespace(workspaceId=given["workspaceId"], name=given["name"]),
    "aws:amp/workspace:Workspace": _call("amp", "delete_workspace", "workspaceId"),
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": _nothing,
    "aws:budgets/budget:Budget": lambda id_, _given: boto3.client("budgets").delete_budget(
        AccountId="123456789012", BudgetName=id_
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": lambda id_, _given: asked(
        "cloudwatch", "DeleteAlarms", AlarmNames=[id_]
    ),
    "aws:cloudwatch/dashboard:Dashboard": lambda id_, _given: boto3.client("cloudwatch").delete_dashboards(
        DashboardNames=[id_]
    ),
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector": lambda id_, _given: asked(
        "logs", "DeleteLogAnomalyDetector", anomalyDetectorArn=id_
    ),
    "aws:cloudwatch/logGroup:LogGroup": _call("logs", "delete_log_group", "logGroupName"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": lambda id_, given: boto3.client(
        "logs"
    ).delete_metric_filter(logGroupName=given["logGroupName"], filterName=id_),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _call(
        "logs", "delete_resource_policy", "policyName"
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda id_, _given: boto3.client("cloudwatch").delete_alarms(
        AlarmNames=[id_]
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": lambda id_, _given: asked(
        "logs", "DeleteQueryDefinition", queryDefinitionId=id_
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _nothing,
    "aws:ec2/routeTable:RouteTable": _call("ec2", "delete_route_table", "RouteTableId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _call(
        "ec2", "disassociate_route_table", "AssociationId"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _call("ec2", "delete_security_group", "GroupId"),
    "aws:ec2/subnet:Subnet": _call("ec2", "delete_subnet", "SubnetId"),
    "aws:ec2/vpc:Vpc": _call("ec2", "delete_vpc", "VpcId"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": lambda id_, _given: boto3.client("ec2").delete_vpc_endpoints(
        VpcEndpointIds=[id_]
    ),
    "aws:ecs/cluster:Cluster": _call("ecs", "delete_cluster", "cluster"),
    "aws:ecs/service:Service": _service,
    "aws:ecs/taskDefinition:TaskDefinition": _call("ecs", "deregister_task_definition", "taskDefinition"),
    "aws:efs/accessPoint:AccessPoint": _call("efs", "delete_access_point", "AccessPointId"),
    "aws:efs/fileSystem:FileSystem": _call("efs", "delete_file_system", "FileSystemId"),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": lambda id_, _given: asked(
        "efs", "DeleteFileSystemPolicy", FileSystemId=id_
    ),
    "aws:efs/mountTarget:MountTarget": _call("efs", "delete_mount_target", "MountTargetId"),
    "aws:iam/role:Role": _call("iam", "delete_role", "RoleName"),
    "aws:iam/rolePolicy:RolePolicy": lambda id_, given: boto3.client("iam").delete_role_policy(
        RoleName=given["role"], PolicyName=id_.partition(":")[2]
    ),
    "aws:kms/alias:Alias": _call("kms", "delete_alias", "AliasName"),
    "aws:kms/key:Key": lambda id_, given: boto3.client("kms").schedule_key_deletion(
        KeyId=id_, PendingWindowInDays=given["deletionWindowInDays"]
    ),
    "aws:lambda/function:Function": _call("lambda", "delete_function", "FunctionName"),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _call(
        "lambda", "delete_function_event_invoke_config", "FunctionName"
    ),
    "aws:lambda/permission:Permission": lambda id_, given: boto3.client("lambda").remove_permission(
        FunctionName=given["function"], StatementId=id_
    ),
    "aws:lb/listener:Listener": _call("elbv2", "delete_listener", "ListenerArn"),
    "aws:lb/loadBalancer:LoadBalancer": _call("elbv2", "delete_load_balancer", "LoadBalancerArn"),
    "aws:lb/targetGroup:TargetGroup": _call("elbv2", "delete_target_group", "TargetGroupArn"),
    "aws:opensearch/domain:Domain": _call("opensearch", "delete_domain", "DomainName"),
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _of_bucket("delete_bucket_lifecycle"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _nothing,
    "aws:s3/bucketObjectv2:BucketObjectv2": _document,
    "aws:s3/bucketPolicy:BucketPolicy": _of_bucket("delete_bucket_policy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _of_bucket("delete_public_access_block"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _of_bucket(
        "delete_bucket_encryption"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": lambda id_, _given: boto3.client("s3").put_bucket_versioning(
        Bucket=id_, VersioningConfiguration={"Status": "Suspended"}
    ),
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:secretsmanager/secretVersion:SecretVersion": _nothing,
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": _call(
        "servicediscovery", "delete_namespace", "Id"
    ),
    "aws:servicediscovery/service:Service": _call("servicediscovery", "delete_service", "Id"),
    "aws:sns/topic:Topic": _call("sns", "delete_topic", "TopicArn"),
    "aws:sns/topicSubscription:TopicSubscription": _call("sns", "unsubscribe", "SubscriptionArn"),
    "aws:sqs/queue:Queue": _call("sqs", "delete_queue", "QueueUrl"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _entrance,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _exit,
    "aws:xray/group:Group": lambda id_, _given: asked("xray", "DeleteGroup", GroupARN=id_),
    **clusters.END,
    **registries.END,
}
