"""The exercises of a handout for heads in an account of AWS, where nothing of a head is reached but through
the account: all are asked with the AWS CLI. Pure text, in Markdown."""

from cohorts.exercises import Exercise

EXERCISES = (
    Exercise(
        "What is yours",
        "1. Observability on AWS",
        ("aws",),
        """\
Everything of your head has the tag `obs:stack={stack}`, the cohort's name and the day on which it may go.
List it, and sort it into metrics, logs, traces and what carries them:

```
{aws} resourcegroupstaggingapi get-resources \\
  --tag-filters Key=obs:stack,Values={stack} \\
  --query 'ResourceTagMappingList[].ResourceARN'
```

Which of it costs by the hour, and which by what you send?""",
    ),
    Exercise(
        "Where logs are",
        "3. Implementing centralised logging",
        ("aws", "groups"),
        """\
Each program of your head has a log group below `{groups}`:

```
{aws} logs describe-log-groups --log-group-name-prefix {groups}/ \\
  --query 'logGroups[].[logGroupName,retentionInDays,kmsKeyId]'
```

How long is each kept, by which key is it encrypted, and which setting of your stack file says so? Services'
records are not here but in the domain: why are there two places?""",
    ),
    Exercise(
        "The same rules, another judge",
        "2. Implementing metrics collection",
        ("aws", "workspace"),
        """\
Rules that on one machine Prometheus reads from files are here namespaces of a managed workspace:

```
id=$({aws} amp list-workspaces --alias {workspace} \\
  --query 'workspaces[0].workspaceId' --output text)
{aws} amp list-rule-groups-namespaces --workspace-id $id \\
  --query 'ruleGroupsNamespaces[].name'
```

Read one (`describe-rule-groups-namespace`; its `data` is base64). Which rules of a single machine are not
among them, and why could they not be?""",
    ),
    Exercise(
        "Who watches the watcher",
        "6. Troubleshooting scenarios",
        ("aws", "alarms"),
        """\
What only AWS can tell of its managed parts are alarms of CloudWatch, beside those of Prometheus:

```
{aws} cloudwatch describe-alarms --alarm-name-prefix {alarms} \\
  --query 'MetricAlarms[].[AlarmName,MetricName,TreatMissingData]'
```

Choose one and say what a person would notice if nobody had made it. What happens to it when
there are no data?""",
    ),
    Exercise(
        "Observability as code",
        "5. Observability as code",
        ("aws",),
        """\
Your stack is the file `stacks/Pulumi.{stack}.yaml`. Set `aws.log_retention: 7d`, then:

```
eval "$(.venv/bin/obs env {stack})"
# what would change, in words and part by part
obs preview {stack}
obs up {stack}
# ask the account whether it is so
obs status {stack}
```

Then change a retention behind its back (`aws logs put-retention-policy`), and let `obs refresh {stack}` and
`obs preview {stack}` find it.""",
    ),
)
