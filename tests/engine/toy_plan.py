"""A small plan in place of the real one, for tests of what drives the engine: copied over `vsi/plan.py`.

Three units that start at once and need no engine. `one` and `three` do not depend on the stack file; `two`
needs `one` and holds the cluster's name, so a test changes it by editing the stack file.
"""

from components.plan import Pillar, Secret
from components.spec import Spec
from components.spec.problem import Problem
from vsi.unit import HostPlan, HostUnit, Process, Ready

SERVER = (
    "import http.server as h, socketserver as s, sys\n"
    "class H(h.SimpleHTTPRequestHandler):\n"
    "    def address_string(self): return 'x'\n"
    "open(sys.argv[2] + '/kept', 'w').write('data')\n"
    "s.TCPServer.allow_reuse_address = True\n"
    "s.TCPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
)


def refusals(_spec: Spec) -> list[Problem]:
    """What the real one refuses; this one refuses nothing."""
    return []


def plan(spec: Spec, stack: str) -> HostPlan:
    """Three units on ports 0 to 2 above the base."""
    base = spec.deploy.port_base

    def unit(name: str, offset: int, pillar: Pillar, text: str, needs: tuple[str, ...] = ()) -> HostUnit:
        port = base + offset
        return HostUnit(
            name=name,
            place="local",
            pillar=pillar,
            files=(("conf/list.yml", text), ("server.py", SERVER)),
            process=Process(
                command=("{python}", "-S", "server.py", str(port), "{data}"),
                ready=Ready(url=f"http://127.0.0.1:{port}/"),
            ),
            ports=(port,),
            needs=needs,
            secrets=("token",) if name == "one" else (),
            memory_mb=20,
        )

    lines = "".join(f"- {number}\n" for number in range(30))
    secrets = tuple(
        Secret(name=secret.name, source=secret.source, key=secret.key or "") for secret in spec.secrets
    )
    return HostPlan(
        stack=stack,
        parts=(
            unit("one", 0, Pillar.METRICS, lines),
            unit("two", 1, Pillar.LOGGING, f"{lines}- {spec.environment.cluster}\n{lines}", ("one@local",)),
            unit("three", 2, Pillar.SERVICES, lines),
        ),
        secrets=secrets or (Secret(name="token", source="generated", key=""),),
        retain=spec.deploy.retain,
    )
