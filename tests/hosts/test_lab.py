"""The lab itself: what tests of servers rely on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts import open_files
from tests.hosts.base import SUDO_PASSWORD
from tests.hosts.fixtures import StartLab
from tests.hosts.host import Host
from tests.hosts.lab import Lab, sweep
from tests.waiting import until

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
SOON = ("ConnectTimeout=1",)
CONNECT = "exec 3<>/dev/tcp/{}/22 && head -c 4 <&3"


def test_each_host_is_a_whole_system_that_is_reached_by_ssh(lab: Lab) -> None:
    assert [host.ssh("hostname && systemctl is-system-running") for host in lab] == [
        f"h{number}\nrunning" for number in (1, 2, 3, 4)
    ]
    assert len({host.ssh("cat /etc/machine-id") for host in lab}) == 4
    assert len({host.host_key for host in lab}) == 4


def test_a_host_has_a_shell_and_little_more(lab: Lab) -> None:
    assert lab["h1"].try_ssh("command -v python3 openssl curl").returncode == 1


def test_hosts_reach_each_other_and_nothing_else(lab: Lab) -> None:
    one, two = lab["h1"], lab["h2"]

    assert one.ssh(CONNECT.format(two.address)) == "SSH-"
    assert one.try_ssh("ip route get 192.0.2.1").returncode != 0


def test_users_have_the_rights_that_they_are_meant_for(lab: Lab) -> None:
    host = lab["h1"]

    assert host.ssh("sudo -n id -u", user="free") == "0"
    assert host.try_ssh("sudo -n true", user="deploy").returncode == 1
    asked = subprocess.run(
        [*host.ssh_command("deploy"), "sudo -S -p '' id -u"],
        input=f"{SUDO_PASSWORD}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "0\n"
    assert host.try_ssh("sudo -n true", user="plain").returncode == 1


def test_services_of_one_name_on_two_hosts_are_two(lab: Lab) -> None:
    """They were one, if both hosts had the same cgroups."""
    one, two = lab["h1"], lab["h2"]
    for host in (one, two):
        host.ssh("systemd-run --quiet --unit=same sleep infinity")

    one.ssh("systemctl kill --signal=KILL same.service")

    until(lambda: one.try_ssh("systemctl is-active same.service").stdout == "failed\n" or None)
    assert two.ssh("systemctl is-active same.service") == "active"
    one.ssh("systemctl reset-failed same.service")
    two.ssh("systemctl stop same.service")


def test_a_power_cut_keeps_what_was_written(lab: Lab) -> None:
    host = lab["h3"]
    host.ssh("echo kept > /etc/kept")
    machine, key = host.ssh("cat /etc/machine-id"), host.host_key

    host.kill()

    assert not host.up
    assert host.try_ssh("true", options=SOON).returncode == 255
    host.boot()
    assert host.ssh("cat /etc/kept /etc/machine-id") == f"kept\n{machine}"
    assert host.host_key == key
    assert host.state() == "running"


def test_a_fresh_host_has_its_name_and_nothing_else_of_before(lab: Lab) -> None:
    host = lab["h3"]
    host.ssh("echo lost > /etc/lost")
    key = host.host_key

    host.reset()

    assert host.ssh("hostname && test ! -e /etc/lost") == "h3"
    assert host.host_key == key


def test_a_host_that_shows_another_key_is_refused_by_who_knows_the_old_one(lab: Lab, tmp_path: Path) -> None:
    host = lab["h4"]
    known = tmp_path / "known_hosts"
    known.write_text(f"{host.address} {host.host_key}\n")
    pinned = (f"UserKnownHostsFile={known}",)
    assert host.try_ssh("true", options=pinned).returncode == 0

    host.new_host_key()

    assert host.try_ssh("true", options=pinned).returncode == 255
    assert host.ssh("echo new") == "new"


def test_a_host_cut_off_goes_on_and_comes_back(lab: Lab) -> None:
    host, other = lab["h4"], lab["h1"]

    host.cut()
    assert host.try_ssh("true", options=SOON).returncode == 255
    assert host.run(f"hostname; ip -brief address show host0 | grep -c {host.address}/24") == "h4\n1"

    host.mend()
    assert host.ssh("echo back") == "back"
    assert other.ssh(CONNECT.format(host.address)) == "SSH-"


def test_a_frozen_host_does_not_answer_until_it_goes_on(lab: Lab) -> None:
    host = lab["h4"]

    host.pause()
    assert host.try_ssh("true", options=SOON).returncode == 255

    host.resume()
    assert host.ssh("echo awake") == "awake"


def test_a_disk_can_be_full(start_lab: StartLab) -> None:
    host = start_lab(["full"], small_mb=8)["full"]
    write = "mkdir -p {0} && head -c 100000 /dev/zero > {0}/file"
    host.ssh("cat /var/lib/dpkg/status > /dev/null")

    host.fill_disk()

    for folder in ("/var/lib/obs", "/opt/obs"):
        assert "No space left on device" in host.try_ssh(write.format(folder)).stderr
    host.kill()
    host.boot()
    assert "No space left on device" in host.try_ssh(write.format("/opt/obs")).stderr
    host.free_disk()
    host.ssh(write.format("/var/lib/obs"))


def test_a_host_may_say_that_it_may_open_as_many_files_as_a_server(start_lab: StartLab) -> None:
    if reason := open_files.obstacle():
        pytest.skip(reason)
    host = start_lab(["many"], many_files=True)["many"]

    said = host.ssh("systemd-run --quiet --wait --pipe --property=LimitNOFILE=65535 sh -c 'ulimit -Hn'")

    assert int(said) == open_files.ENOUGH


def test_what_a_killed_run_left_is_removed(lab: Lab) -> None:
    code = "from tests.hosts.lab import Lab; print(Lab.start(1).folder, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        (left,) = (one for one in Lab.all() if one.folder == folder)
        assert left["h1"].ssh("echo up") == "up"
        assert f"obslab{left.network.number}" in os.listdir("/sys/class/net")
        process.send_signal(signal.SIGKILL)
    assert left["h1"].up

    sweep()

    assert not left["h1"].up
    assert not folder.exists()
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()
    assert not Path("/run/netns", left.network.name).exists()
    assert f"obslab{left.network.number}" not in os.listdir("/sys/class/net")
    assert lab["h1"].ssh("echo still") == "still"


def test_hosts_are_made_fresh_side_by_side(lab: Lab) -> None:
    lab.each(Host.kill)

    lab.reset()

    assert [host.state() for host in lab] == ["running"] * 4
