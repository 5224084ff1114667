"""What a handout says of the place that heads of a target are in. Pure text, in Markdown; `{name}` stands for
an address or a name of the head."""

from dataclasses import dataclass

from cohorts import exercises, exercises_aws
from cohorts.exercises import DIAGRAMS, NOT_HERE, Exercise


@dataclass(frozen=True)
class Ground:
    """Of one target."""

    where: str
    """Above the addresses."""
    login: str
    diagrams: tuple[tuple[str, tuple[str, ...]], ...]
    exercises: tuple[Exercise, ...]
    elsewhere: str
    """The heading of what cannot be done there."""
    missing: tuple[str, ...]


HERE = Ground(
    """\
All addresses are of the training's machine itself. From your own computer, pass a port through, as in
`ssh -L 8041:{bare_pages} you@the-machine`, and open `http://127.0.0.1:8041/`.""",
    """\
What you log in with are files that you get apart from this page. Keep them to yourself: whoever has them
can do what you can, and nobody else's open anything of yours.

- The pages and the list of notifications ask for a user and a password, OpenSearch for others: all are in
  `credentials.txt`.
- Prometheus, Alertmanager, Jaeger, the collector and the shop ask for a certificate. In the folder with
  these files, `curl -K own.curl` shows yours (`operator.pem`, `operator.key`) and trusts that of your stack
  (`ca.pem`).""",
    DIAGRAMS,
    exercises.EXERCISES,
    "Not on this machine",
    NOT_HERE,
)
SERVERS = Ground(
    """\
All addresses are of your own servers: your computer has to be in their network, or to pass ports through.""",
    """\
What you log in with are files that you get apart from this page. Keep them to yourself: whoever has them
can do what you can, and nobody else's open anything of yours.

- Everything asks for a certificate. In the folder with these files, `curl -K own.curl` shows yours
  (`operator.pem`, `operator.key`) and trusts that of your stack (`ca.pem`); a browser has to be given it.
- OpenSearch asks for a user and a password too: `credentials.txt`.""",
    DIAGRAMS,
    exercises.EXERCISES,
    "Not on these servers",
    (*NOT_HERE[:-1], "the exercises for Kubernetes and AWS"),
)
AWS = Ground(
    """\
Nothing of your head is reached from outside its network: these are names in the account, which you ask with
the AWS CLI (`{aws} ...`) or look at in the console.""",
    """\
You log in to the account as yourself (`aws sso login`, or what your trainer gives you); this page holds
nothing to log in with. Passwords of your head's programs are in Secrets Manager below `{secrets}/`, under
your stack's own key. All heads of the cohort are in one account: what you may see of others' is up to your
role there.""",
    (
        ("Metrics", ("services", "Prometheus, a task", "managed workspace", "rules", "topic", "receivers")),
        ("Logs", ("services over OTLP", "collector, a task", "OpenSearch domain", "archive in S3")),
        ("Traces", ("services with the SDK", "collector (tail sampling)", "Jaeger or X-Ray")),
    ),
    exercises_aws.EXERCISES,
    "Not in this account",
    (
        "requests followed through all three pillars, faults of a shop: nothing reaches the head's network",
        "Grafana, Kibana and pages: the account has its own console",
        "the exercises for one machine, several servers and Kubernetes",
    ),
)
GROUNDS = {"local": HERE, "vsi": SERVERS, "aws": AWS}
"""By target."""
