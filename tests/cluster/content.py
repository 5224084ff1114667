"""The images of a stack, made of what the cache of engines has, under the names that its plan asks for."""

from pathlib import Path

from components.catalog import engine
from engines.store import Store
from tests.cluster.images import Image, libraries, with_shell

REGISTRY = "registry.test/obs"
"""Where the stack is told that images of ours are."""
ENGINES = (
    "alertmanager",
    "jaeger",
    "node_exporter",
    "opensearch",
    "otelcol",
    "prometheus",
    "prometheus_operator",
    "pulumi_kubernetes",
    "redis",
    "runtime",
)
"""What of the cache the images are made of, and the provider."""
_HOME = "/usr/share/opensearch"
_ENTRYPOINT = f"""#!/bin/bash
# As the publisher's image: a variable with a dot in its name is a setting.
settings=()
while IFS='=' read -r name value; do
  case $name in *.*) settings+=("-E$name=$value") ;; esac
done < <(env)
cd {_HOME}
exec bin/opensearch "${{settings[@]}}"
"""


def images() -> list[Image]:
    """All of them. Our programs are packed anew where they have changed: that takes seconds."""
    Store().ensure(["runtime"])
    return [
        *(_static(*one) for one in _STATIC),
        _static(
            "otelcol",
            "otelcol",
            f"{REGISTRY}/observability-collector:{engine('otelcol').version}",
            "/otelcol",
        ),
        _redis(),
        _programs(),
        _opensearch(),
    ]


_QUAY = "quay.io/prometheus"
_OPERATOR = "quay.io/prometheus-operator"
_OPERATORS = f"v{engine('prometheus_operator').version}"
_STATIC = (
    ("prometheus", "prometheus", f"{_QUAY}/prometheus:v{engine('prometheus').version}"),
    ("alertmanager", "alertmanager", f"{_QUAY}/alertmanager:v{engine('alertmanager').version}"),
    ("node_exporter", "node_exporter", f"{_QUAY}/node-exporter:v{engine('node_exporter').version}"),
    ("prometheus_operator", "operator", f"{_OPERATOR}/prometheus-operator:{_OPERATORS}"),
    (
        "prometheus_operator",
        "prometheus-config-reloader",
        f"{_OPERATOR}/prometheus-config-reloader:{_OPERATORS}",
    ),
    ("jaeger", "jaeger", "docker.io/jaegertracing/jaeger:2.12.0"),
)
"""Engine, program, image."""


def _static(name: str, program: str, image: str, path: str = "") -> Image:
    at = path or f"/bin/{program}"
    return Image(image, {at: Store().executable(name, program)}, (at,))


def _redis() -> Image:
    program = Store().executable("redis", "redis-server")
    return Image(
        f"docker.io/library/redis:{engine('redis').version}",
        {"/bin/redis-server": program, **libraries([program])},
        ("/bin/redis-server",),
    )


def _located(name: str) -> Path:
    found = Store().locate(name)
    assert found, f"{name} is not in the cache"
    return found


def _programs() -> Image:
    """Python with `agents` and `demo`, as hosts without Python have it."""
    root = _located("runtime")
    shared = [*root.glob("**/*.so"), *root.glob("python/bin/python"), *root.glob("python/shared/*")]
    files = {"/opt/obs": root, **with_shell(shared)}
    return Image(
        f"{REGISTRY}/observability-programs:{engine('runtime').version}",
        files,
        ("/opt/obs/bin/python",),
        environment=("PATH=/opt/obs/bin:/bin", "HOME=/tmp"),
    )


def _opensearch() -> Image:
    root = _located("opensearch")
    java = root / "jdk"
    files: dict[str, Path | str] = {
        f"{_HOME}/{folder}": root / folder for folder in ("bin", "config", "lib", "modules", "plugins")
    }
    files |= {f"{_HOME}/jdk/{folder}": java / folder for folder in ("bin", "conf", "lib")}
    files |= {"/entrypoint.sh": _ENTRYPOINT, **with_shell([java / "bin" / "java", *java.glob("lib/**/*.so")])}
    return Image(
        f"docker.io/opensearchproject/opensearch:{engine('opensearch').version}",
        files,
        ("/bin/bash", "/entrypoint.sh"),
        folders=("/tmp", f"{_HOME}/config", f"{_HOME}/data", f"{_HOME}/logs"),
        user="1000",
        environment=("PATH=/bin", "OPENSEARCH_HOME=" + _HOME, "JAVA_HOME=", "HOME=/tmp"),
    )
