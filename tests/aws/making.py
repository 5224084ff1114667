"""Metrics and alerting, made by boto3 in moto from what Pulumi gives a resource; and the table of all makers.

What moto lacks stands in `NOT_IN_MOTO`: there the request alone is judged, by botocore's own model.
"""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import boto3

from tests.aws import balancing, clusters, ground, registries, stores, tasks, volumes
from tests.aws.ground import REGION, Inputs, Made, asked, begun


def arn_of_log(group: str) -> str:
    """A log group's, without the stars of its streams."""
    return f"arn:aws:logs:{REGION}:123456789012:log-group:{group}"


def _log_group(given: Inputs) -> Made:
    client = boto3.client("logs")
    client.create_log_group(logGroupName=given["name"], kmsKeyId=given["kmsKeyId"])
    begun(given["name"], arn=arn_of_log(given["name"]))
    client.put_retention_policy(logGroupName=given["name"], retentionInDays=given["retentionInDays"])
    return given["name"], {"arn": arn_of_log(given["name"])}


def _workspace(given: Inputs) -> Made:
    client = boto3.client("amp")
    made = client.create_workspace(alias=given["alias"], kmsKeyArn=given["kmsKeyArn"])
    begun(made["workspaceId"], arn=made["arn"], prometheusEndpoint="https://aps.example/")
    group = given["loggingConfiguration"]["logGroupArn"]
    client.create_logging_configuration(workspaceId=made["workspaceId"], logGroupArn=group)
    return made["workspaceId"], {"arn": made["arn"], "prometheusEndpoint": "https://aps.example/"}


def _workspace_bounds(given: Inputs) -> Made:
    [of] = given["limitsPerLabelSets"]
    asked(
        "amp",
        "UpdateWorkspaceConfiguration",
        workspaceId=given["workspaceId"],
        retentionPeriodInDays=given["retentionPeriodInDays"],
        limitsPerLabelSet=[{"labelSet": of["labelSet"], "limits": {"maxSeries": of["limits"]["maxSeries"]}}],
    )
    return given["workspaceId"], {}


def _rules(given: Inputs) -> Made:
    client = boto3.client("amp")
    client.create_rule_groups_namespace(
        workspaceId=given["workspaceId"], name=given["name"], data=given["data"].encode()
    )
    return f"{given['workspaceId']}/{given['name']}", {}


def _definition(given: Inputs) -> Made:
    data = given["definition"].encode()
    asked("amp", "CreateAlertManagerDefinition", workspaceId=given["workspaceId"], data=data)
    return given["workspaceId"], {}


def of_topic(given: Inputs) -> dict[str, str]:
    """A topic's attributes."""
    own = {"Policy": given["policy"]} if "policy" in given else {}
    return {"KmsMasterKeyId": given["kmsMasterKeyId"], **own}


def _topic(given: Inputs) -> Made:
    arn = boto3.client("sns").create_topic(Name=given["name"], Attributes=of_topic(given))["TopicArn"]
    return arn, {"arn": arn}


def _subscription(given: Inputs) -> Made:
    client = boto3.client("sns")
    made = client.subscribe(
        TopicArn=given["topic"],
        Protocol=given["protocol"],
        Endpoint=given["endpoint"],
        ReturnSubscriptionArn=True,
    )
    return made["SubscriptionArn"], {}


def of_queue(given: Inputs) -> dict[str, str]:
    """A queue's attributes."""
    return {
        "KmsMasterKeyId": given["kmsMasterKeyId"],
        "MessageRetentionPeriod": str(given["messageRetentionSeconds"]),
        "Policy": given["policy"],
    }


def _queue(given: Inputs) -> Made:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName=given["name"], Attributes=of_queue(given))["QueueUrl"]
    begun(url, url=url)
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, {"arn": arn, "url": url}


def _role(given: Inputs) -> Made:
    made = boto3.client("iam").create_role(
        RoleName=given["name"], AssumeRolePolicyDocument=given["assumeRolePolicy"]
    )
    return given["name"], {"arn": made["Role"]["Arn"]}


def _role_policy(given: Inputs) -> Made:
    boto3.client("iam").put_role_policy(
        RoleName=given["role"], PolicyName="own", PolicyDocument=given["policy"]
    )
    return f"{given['role']}:own", {}


def zipped(archive: Any) -> bytes:
    """The code of a function."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        for name, asset in archive.assets.items():
            written.write(asset.path, name)
    return packed.getvalue()


def _function(given: Inputs) -> Made:
    logging = given["loggingConfig"]
    made = boto3.client("lambda").create_function(
        FunctionName=given["name"],
        Role=given["role"],
        Runtime=given["runtime"],
        Handler=given["handler"],
        Code={"ZipFile": zipped(given["code"])},
        Timeout=given["timeout"],
        Architectures=given["architectures"],
        KMSKeyArn=given["kmsKeyArn"],
        Environment={"Variables": given["environment"]["variables"]},
        LoggingConfig={"LogFormat": logging["logFormat"], "LogGroup": logging["logGroup"]},
    )
    return given["name"], {"arn": made["FunctionArn"]}


def _retries(given: Inputs) -> Made:
    boto3.client("lambda").put_function_event_invoke_config(
        FunctionName=given["functionName"],
        MaximumRetryAttempts=given["maximumRetryAttempts"],
        DestinationConfig={
            "OnFailure": {"Destination": given["destinationConfig"]["onFailure"]["destination"]}
        },
    )
    return given["functionName"], {}


def _permission(given: Inputs) -> Made:
    boto3.client("lambda").add_permission(
        FunctionName=given["function"],
        StatementId="topic",
        Action=given["action"],
        Principal=given["principal"],
        SourceArn=given["sourceArn"],
    )
    return "topic", {}


def _measured(given: Inputs) -> Inputs:
    """One metric, or what is asked of several."""
    if queries := given.get("metricQueries"):
        names = {"id": "Id", "expression": "Expression", "period": "Period", "returnData": "ReturnData"}
        return {"Metrics": [{names[name]: value for name, value in query.items()} for query in queries]}
    return {
        "Namespace": given["namespace"],
        "MetricName": given["metricName"],
        "Dimensions": [{"Name": name, "Value": value} for name, value in given["dimensions"].items()],
        "Statistic": given["statistic"],
        "Period": given["period"],
    }


def _together(given: Inputs) -> Made:
    asked(
        "cloudwatch",
        "PutCompositeAlarm",
        AlarmName=given["alarmName"],
        AlarmDescription=given["alarmDescription"],
        AlarmRule=given["alarmRule"],
        AlarmActions=given["alarmActions"],
    )
    arn = f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:{given['alarmName']}"
    return given["alarmName"], {"arn": arn}


def _alarm(given: Inputs) -> Made:
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=given["name"],
        AlarmDescription=given["alarmDescription"],
        **_measured(given),
        EvaluationPeriods=given["evaluationPeriods"],
        Threshold=given["threshold"],
        ComparisonOperator=given["comparisonOperator"],
        TreatMissingData=given["treatMissingData"],
        AlarmActions=given.get("alarmActions", []),
    )
    return given["name"], {"arn": f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:{given['name']}"}


def _listener(given: Inputs) -> Made:
    asked("elbv2", "CreateListener", **balancing.of_listener(given))
    return balancing.listener(given)


def _traces(given: Inputs) -> Made:
    asked("xray", "CreateGroup", **balancing.of_group(given))
    arn = f"arn:aws:xray:{REGION}:123456789012:group/{given['groupName']}/0"
    return arn, {"arn": arn}


def _counted(given: Inputs) -> Made:
    of = given["metricTransformation"]
    boto3.client("logs").put_metric_filter(
        logGroupName=given["logGroupName"],
        filterName=given["name"],
        filterPattern=given["pattern"],
        metricTransformations=[
            {
                "metricNamespace": of["namespace"],
                "metricName": of["name"],
                "metricValue": of["value"],
                "defaultValue": float(of["defaultValue"]),
            }
        ],
    )
    return given["name"], {}


def _query(given: Inputs) -> Made:
    asked(
        "logs",
        "PutQueryDefinition",
        name=given["name"],
        queryString=given["queryString"],
        logGroupNames=given["logGroupNames"],
    )
    return given["name"], {"queryDefinitionId": given["name"]}


def of_detector(given: Inputs) -> Inputs:
    """What of a detector can be changed."""
    return {
        "evaluationFrequency": given["evaluationFrequency"],
        "anomalyVisibilityTime": given["anomalyVisibilityTime"],
    }


def _detector(given: Inputs) -> Made:
    asked(
        "logs",
        "CreateLogAnomalyDetector",
        detectorName=given["detectorName"],
        logGroupArnList=given["logGroupArnLists"],
        kmsKeyId=given["kmsKeyId"],
        **of_detector(given),
    )
    arn = f"arn:aws:logs:{REGION}:123456789012:anomaly-detector:{given['detectorName']}"
    return arn, {"arn": arn}


MAKE: dict[str, Callable[[Inputs], Made]] = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": _definition,
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": _rules,
    "aws:amp/workspace:Workspace": _workspace,
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": _workspace_bounds,
    "aws:budgets/budget:Budget": tasks.budget,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _together,
    "aws:cloudwatch/dashboard:Dashboard": tasks.page,
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector": _detector,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _counted,
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": stores.log_policy,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cloudwatch/queryDefinition:QueryDefinition": _query,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ground.default_group,
    "aws:ec2/routeTable:RouteTable": ground.routes,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ground.routed,
    "aws:ec2/securityGroup:SecurityGroup": ground.group,
    "aws:ec2/subnet:Subnet": ground.subnet,
    "aws:ec2/vpc:Vpc": ground.vpc,
    "aws:ec2/vpcEndpoint:VpcEndpoint": ground.endpoint,
    "aws:ecs/cluster:Cluster": tasks.cluster,
    "aws:ecs/service:Service": tasks.service,
    "aws:ecs/taskDefinition:TaskDefinition": tasks.definition,
    "aws:efs/accessPoint:AccessPoint": volumes.folder,
    "aws:efs/fileSystem:FileSystem": volumes.system,
    "aws:efs/fileSystemPolicy:FileSystemPolicy": volumes.policy,
    "aws:efs/mountTarget:MountTarget": volumes.target,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:kms/alias:Alias": ground.alias,
    "aws:kms/key:Key": ground.key,
    "aws:lambda/function:Function": _function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _retries,
    "aws:lambda/permission:Permission": _permission,
    "aws:lb/listener:Listener": _listener,
    "aws:lb/loadBalancer:LoadBalancer": balancing.balancer,
    "aws:lb/targetGroup:TargetGroup": balancing.targets,
    "aws:opensearch/domain:Domain": stores.domain,
    "aws:s3/bucket:Bucket": ground.bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ground.lifecycle,
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": ground.lock,
    "aws:s3/bucketObjectv2:BucketObjectv2": tasks.document,
    "aws:s3/bucketPolicy:BucketPolicy": ground.bucket_policy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ground.private,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ground.sealed,
    "aws:s3/bucketVersioning:BucketVersioning": ground.versioning,
    "aws:secretsmanager/secret:Secret": stores.secret,
    "aws:secretsmanager/secretVersion:SecretVersion": stores.secret_value,
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": tasks.namespace,
    "aws:servicediscovery/service:Service": tasks.named,
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:sqs/queue:Queue": _queue,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ground.entrance,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ground.exit_,
    "aws:xray/group:Group": _traces,
    **clusters.MAKE,
    **registries.MAKE,
}

ASK: dict[str, Callable[[Inputs], Inputs]] = {
    "aws:secretsmanager/getRandomPassword:getRandomPassword": stores.password,
}

NOT_IN_MOTO = (
    "aws:amp/alertManagerDefinition:AlertManagerDefinition",
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector",
    "aws:cloudwatch/queryDefinition:QueryDefinition",
    "aws:xray/group:Group",
    *clusters.NOT_IN_MOTO,
)
"""Judged by botocore's model alone."""
