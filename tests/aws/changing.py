"""How a resource is changed in place; and what of it cannot be, so that another one is made."""

from collections.abc import Callable

import boto3

from tests.aws import clusters, ground, making, registries, stores, tasks
from tests.aws.ground import Inputs, Made, asked

Change = Callable[[str, Inputs, Inputs], Inputs]
"""Takes the id, the inputs as they were and as they shall be; gives what else AWS names."""

ALL = frozenset({"*"})
ANOTHER: dict[str, frozenset[str]] = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": frozenset({"workspaceId"}),
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": frozenset({"workspaceId", "name"}),
    "aws:amp/workspace:Workspace": frozenset({"kmsKeyArn"}),
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": frozenset({"workspaceId"}),
    "aws:budgets/budget:Budget": frozenset({"name"}),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": frozenset({"alarmName"}),
    "aws:cloudwatch/dashboard:Dashboard": frozenset({"dashboardName"}),
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector": frozenset({"kmsKeyId", "logGroupArnLists"}),
    "aws:cloudwatch/logGroup:LogGroup": frozenset({"name"}),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": frozenset({"logGroupName", "name"}),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": frozenset({"policyName"}),
    "aws:cloudwatch/metricAlarm:MetricAlarm": frozenset({"name"}),
    "aws:cloudwatch/queryDefinition:QueryDefinition": frozenset(),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": frozenset({"vpcId"}),
    "aws:ec2/routeTable:RouteTable": frozenset({"vpcId"}),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ALL,
    "aws:ec2/securityGroup:SecurityGroup": frozenset({"name", "description", "vpcId"}),
    "aws:ec2/subnet:Subnet": frozenset({"availabilityZone", "cidrBlock", "vpcId"}),
    "aws:ec2/vpc:Vpc": frozenset({"cidrBlock"}),
    "aws:ec2/vpcEndpoint:VpcEndpoint": frozenset({"serviceName", "vpcId", "vpcEndpointType"}),
    "aws:ecs/cluster:Cluster": frozenset({"name"}),
    "aws:ecs/service:Service": frozenset({"cluster", "launchType", "name"}),
    "aws:ecs/taskDefinition:TaskDefinition": ALL,
    "aws:efs/accessPoint:AccessPoint": ALL,
    "aws:efs/fileSystem:FileSystem": frozenset({"creationToken", "encrypted", "kmsKeyId"}),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": frozenset({"fileSystemId"}),
    "aws:efs/mountTarget:MountTarget": frozenset({"fileSystemId", "subnetId"}),
    "aws:iam/role:Role": frozenset({"name"}),
    "aws:iam/rolePolicy:RolePolicy": frozenset({"name", "role"}),
    "aws:kms/alias:Alias": frozenset({"name"}),
    "aws:lambda/function:Function": frozenset({"name"}),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": frozenset({"functionName"}),
    "aws:lambda/permission:Permission": ALL,
    "aws:lb/listener:Listener": frozenset({"loadBalancerArn"}),
    "aws:lb/loadBalancer:LoadBalancer": frozenset({"internal", "loadBalancerType", "name"}),
    "aws:lb/targetGroup:TargetGroup": frozenset({"name", "port", "protocol", "targetType", "vpcId"}),
    "aws:opensearch/domain:Domain": frozenset({"domainName"}),
    "aws:s3/bucket:Bucket": frozenset({"bucket", "objectLockEnabled"}),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": frozenset({"bucket"}),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": frozenset({"bucket"}),
    "aws:s3/bucketObjectv2:BucketObjectv2": frozenset({"bucket", "key"}),
    "aws:s3/bucketPolicy:BucketPolicy": frozenset({"bucket"}),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": frozenset({"bucket"}),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": frozenset(
        {"bucket"}
    ),
    "aws:s3/bucketVersioning:BucketVersioning": frozenset({"bucket"}),
    "aws:secretsmanager/secret:Secret": frozenset({"name"}),
    "aws:secretsmanager/secretVersion:SecretVersion": frozenset({"secretId"}),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": frozenset({"name", "vpc"}),
    "aws:servicediscovery/service:Service": frozenset({"name"}),
    "aws:sns/topic:Topic": frozenset({"name"}),
    "aws:sns/topicSubscription:TopicSubscription": frozenset({"endpoint", "protocol", "topic"}),
    "aws:sqs/queue:Queue": frozenset({"name"}),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": frozenset({"securityGroupId"}),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": frozenset({"securityGroupId"}),
    **clusters.ANOTHER,
    **registries.ANOTHER,
}
"""Inputs whose change makes another one, of what we give; `*` is any."""


def again(make: Callable[[Inputs], Made]) -> Change:
    """What makes it also puts it right."""
    return lambda _id, _old, new: make(new)[1]


def _nothing(_id: str, _old: Inputs, _new: Inputs) -> Inputs:
    """What can change of it tells the provider alone how to take it away."""
    return {}


def _log_group(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    days = new["retentionInDays"]
    boto3.client("logs").put_retention_policy(logGroupName=id_, retentionInDays=days)
    asked("logs", "AssociateKmsKey", logGroupName=id_, kmsKeyId=new["kmsKeyId"])
    if tags := new.get("tags"):
        boto3.client("logs").tag_resource(resourceArn=making.arn_of_log(id_), tags=tags)
    return {}


def _key(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    client = boto3.client("kms")
    client.put_key_policy(KeyId=id_, PolicyName="default", Policy=new["policy"])
    client.update_key_description(KeyId=id_, Description=new["description"])
    if new["enableKeyRotation"]:
        client.enable_key_rotation(KeyId=id_)
    return {}


def _alias(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    boto3.client("kms").update_alias(AliasName=id_, TargetKeyId=new["targetKeyId"])
    return {}


def _workspace(id_: str, old: Inputs, new: Inputs) -> Inputs:
    client = boto3.client("amp")
    client.update_workspace_alias(workspaceId=id_, alias=new["alias"])
    group = new["loggingConfiguration"]["logGroupArn"]
    if "loggingConfiguration" in old:
        client.update_logging_configuration(workspaceId=id_, logGroupArn=group)
    else:
        client.create_logging_configuration(workspaceId=id_, logGroupArn=group)
    return {}


def _rules(_id: str, _old: Inputs, new: Inputs) -> Inputs:
    boto3.client("amp").put_rule_groups_namespace(
        workspaceId=new["workspaceId"], name=new["name"], data=new["data"].encode()
    )
    return {}


def _routes(_id: str, _old: Inputs, new: Inputs) -> Inputs:
    asked(
        "amp",
        "PutAlertManagerDefinition",
        workspaceId=new["workspaceId"],
        data=new["definition"].encode(),
    )
    return {}


def _group(id_: str, _old: Inputs, _new: Inputs) -> Inputs:
    ground.closed(id_)
    return {}


def _rule(direction: str) -> Change:
    def change(_id: str, old: Inputs, new: Inputs) -> Inputs:
        client, group = boto3.client("ec2"), new["securityGroupId"]
        for verb, given in (("revoke", old), ("authorize", new)):
            act = getattr(client, f"{verb}_security_group_{direction}")
            act(GroupId=group, IpPermissions=[ground.rule(given)])
        return {}

    return change


def _service(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    boto3.client("ecs").update_service(
        cluster=new["cluster"],
        service=id_,
        taskDefinition=new["taskDefinition"],
        desiredCount=new["desiredCount"],
    )
    return {}


def _role(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    boto3.client("iam").update_assume_role_policy(RoleName=id_, PolicyDocument=new["assumeRolePolicy"])
    return {}


def _function(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    client = boto3.client("lambda")
    client.update_function_code(FunctionName=id_, ZipFile=making.zipped(new["code"]))
    client.update_function_configuration(
        FunctionName=id_,
        Runtime=new["runtime"],
        Timeout=new["timeout"],
        Environment={"Variables": new["environment"]["variables"]},
    )
    return {}


def _domain(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    given = stores.wanted(new)
    for name in ("DomainName", "EngineVersion"):
        del given[name]
    boto3.client("opensearch").update_domain_config(DomainName=id_, **given)
    return {}


def _detector(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    given = making.of_detector(new)
    asked("logs", "UpdateLogAnomalyDetector", anomalyDetectorArn=id_, enabled=new["enabled"], **given)
    return {}


def _queue(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    boto3.client("sqs").set_queue_attributes(QueueUrl=id_, Attributes=making.of_queue(new))
    return {}


def _topic(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    client = boto3.client("sns")
    for name, value in making.of_topic(new).items():
        client.set_topic_attributes(TopicArn=id_, AttributeName=name, AttributeValue=value)
    return {}


def _secret(id_: str, _old: Inputs, new: Inputs) -> Inputs:
    boto3.client("secretsmanager").update_secret(SecretId=id_, KmsKeyId=new["kmsKeyId"])
    return {}


def _budget(_id: str, _old: Inputs, new: Inputs) -> Inputs:
    asked("budgets", "UpdateBudget", AccountId="123456789012", NewBudget=tasks.of_budget(new))
    client = boto3.client("budgets")  # moto has no update
    client.delete_budget(AccountId="123456789012", BudgetName=new["name"])
    tasks.budget(new)
    return {}


CHANGE: dict[str, Change] = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": _routes,
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": _rules,
    "aws:amp/workspace:Workspace": _workspace,
    "aws:budgets/budget:Budget": _budget,
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector": _detector,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:ec2/securityGroup:SecurityGroup": _group,
    "aws:ecs/service:Service": _service,
    "aws:iam/role:Role": _role,
    "aws:kms/alias:Alias": _alias,
    "aws:kms/key:Key": _key,
    "aws:lambda/function:Function": _function,
    "aws:opensearch/domain:Domain": _domain,
    "aws:s3/bucket:Bucket": _nothing,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:sns/topic:Topic": _topic,
    "aws:sqs/queue:Queue": _queue,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("egress"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("ingress"),
    **{
        token: again(making.MAKE[token])
        for token in (
            "aws:amp/workspaceConfiguration:WorkspaceConfiguration",
            "aws:cloudwatch/compositeAlarm:CompositeAlarm",
            "aws:cloudwatch/dashboard:Dashboard",
            "aws:cloudwatch/logMetricFilter:LogMetricFilter",
            "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            "aws:cloudwatch/queryDefinition:QueryDefinition",
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
            "aws:efs/fileSystemPolicy:FileSystemPolicy",
            "aws:iam/rolePolicy:RolePolicy",
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
            "aws:s3/bucketObjectv2:BucketObjectv2",
            "aws:s3/bucketPolicy:BucketPolicy",
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "aws:s3/bucketVersioning:BucketVersioning",
            "aws:secretsmanager/secretVersion:SecretVersion",
        )
    },
    **clusters.CHANGE,
    **registries.CHANGE,
}
"""What is changed in place; of all others the stand-in changes nothing, and says so."""
