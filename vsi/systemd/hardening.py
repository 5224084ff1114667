"""What a unit may not do, and which program needs which exception: data, from which `unit_file` is made.

`systemd-analyze security` gives every program 2.0 or less; a test asks it.
"""

from collections.abc import Mapping

from vsi.systemd.places import is_service, kept
from vsi.unit import HostUnit

Settings = Mapping[str, tuple[str, ...]]
"""By name of a setting: what it is set to, a line each."""

_FILTER = ("@system-service", "~@privileged @resources")

BASE: Settings = {
    "ProtectSystem": ("strict",),
    "ProtectHome": ("yes",),
    "PrivateTmp": ("yes",),
    "PrivateDevices": ("yes",),
    "PrivateUsers": ("yes",),
    "PrivateIPC": ("yes",),
    "ProtectHostname": ("yes",),
    "ProtectClock": ("yes",),
    "ProtectKernelTunables": ("yes",),
    "ProtectKernelModules": ("yes",),
    "ProtectKernelLogs": ("yes",),
    "ProtectControlGroups": ("yes",),
    "ProtectProc": ("invisible",),
    "ProcSubset": ("pid",),
    "RestrictAddressFamilies": ("AF_INET AF_INET6 AF_UNIX",),
    "RestrictNamespaces": ("yes",),
    "LockPersonality": ("yes",),
    "MemoryDenyWriteExecute": ("yes",),
    "RestrictRealtime": ("yes",),
    "RestrictSUIDSGID": ("yes",),
    "RemoveIPC": ("yes",),
    "NoNewPrivileges": ("yes",),
    "CapabilityBoundingSet": ("",),
    "AmbientCapabilities": ("",),
    "SystemCallArchitectures": ("native",),
    "SystemCallFilter": _FILTER,
    # What is not allowed fails, rather than ending the process: programs ask for some of it and do without.
    "SystemCallErrorNumber": ("EPERM",),
    "UMask": ("0077",),
    "KeyringMode": ("private",),
    "DevicePolicy": ("closed",),
    "LimitCORE": ("0",),
    "LimitNOFILE": ("16384",),
    "TasksMax": ("512",),
}

LOOPBACK: Settings = {"IPAddressDeny": ("any",), "IPAddressAllow": ("localhost",)}
"""Speaks with programs of its own host alone; others reach it through the host's front."""
MANY_FILES: Settings = {"LimitNOFILE": ("65535",)}
INTERFACES: Settings = {"RestrictAddressFamilies": ("AF_INET AF_INET6 AF_UNIX AF_NETLINK",)}
"""Asks the kernel for the host's interfaces."""
COMPILES: Settings = {"MemoryDenyWriteExecute": ("no",)}
"""Writes machine code while it runs, or may do so: nobody knows what somebody else's service is."""
JVM: Settings = {
    **COMPILES,
    **MANY_FILES,
    "LimitMEMLOCK": ("infinity",),
    "LimitNPROC": ("4096",),
    "TasksMax": ("4096",),
    # It looks at the memory and the limits of the host, and filters its own system calls.
    "ProcSubset": ("all",),
    "SystemCallFilter": (*_FILTER, "seccomp"),
    "SuccessExitStatus": ("143",),
}
JOURNAL: Settings = {**LOOPBACK, "SupplementaryGroups": ("systemd-journal",)}
"""Reads what every unit of the host says, and no file of theirs."""
WHOLE_HOST: Settings = {
    **INTERFACES,
    "ProcSubset": ("all",),
    "ProtectProc": ("default",),
    # File systems below it are measured too.
    "ProtectHome": ("read-only",),
    # It asks how far the clock is off; without the capability it cannot set it.
    "ProtectClock": ("no",),
    "SystemCallFilter": (*_FILTER, "adjtimex clock_adjtime"),
}
"""Measures the host that it runs on."""
OTHERS_LOGS: Settings = {
    **MANY_FILES,
    # A capability holds among the users of the host only, not in a namespace of users.
    "PrivateUsers": ("no",),
    "CapabilityBoundingSet": ("CAP_DAC_READ_SEARCH",),
    "AmbientCapabilities": ("CAP_DAC_READ_SEARCH",),
    # An empty folder in its place: what systemd makes in there for the unit itself must still be possible.
    "TemporaryFileSystem": ("/var/lib/obs:ro",),
    "InaccessiblePaths": (
        "-/etc/shadow -/etc/shadow- -/etc/gshadow -/etc/gshadow- -/etc/ssh -/etc/ssl/private",
    ),
}
"""Reads the logs of others, which are root's or their own; nothing else that is secret."""

PROGRAMS: Mapping[str, Settings] = {
    "alertmanager": INTERFACES,
    "collector": MANY_FILES,
    "collector-agent": OTHERS_LOGS,
    "front": MANY_FILES,
    "journal": JOURNAL,
    "jaeger": MANY_FILES,
    "node-exporter": WHOLE_HOST,
    "opensearch": JVM,
    "prometheus": MANY_FILES,
    "redis": LOOPBACK,
    "redis-exporter": LOOPBACK,
    "sink": LOOPBACK,
}
"""By name of a program of the inventory: what differs from `BASE`."""
KEEPS_OWN_CONF = frozenset({"opensearch"})
"""Programs that write into the folder of their configuration: they get a copy of it."""


def settings_of(unit: HostUnit, stack: str) -> Settings:
    """All that a unit may not do."""
    found = {**BASE, **limits(unit), **PROGRAMS.get(unit.name, {})}
    if is_service(unit) and unit.process.command[0] != "{python}":
        found |= COMPILES
    if found["MemoryDenyWriteExecute"] == ("no",):
        # Java unpacks libraries there; from version 257 on systemd lets nothing in it be executed.
        found["ExecPaths"] = (f"-{kept(stack, unit.name)}",)
    if "CAP_DAC_READ_SEARCH" in found["CapabilityBoundingSet"] and _mentions_homes(unit):
        found["ProtectHome"] = ("read-only",)
    return found


def limits(unit: HostUnit) -> Settings:
    """Room above what is expected, since a limit that is met ends a program."""
    return {
        "MemoryHigh": (f"{2 * unit.memory_mb + 64}M",),
        "MemoryMax": (f"{3 * unit.memory_mb + 128}M",),
    }


def _mentions_homes(unit: HostUnit) -> bool:
    return any(home in text for _, text in unit.files for home in ("/home/", "/root/"))
