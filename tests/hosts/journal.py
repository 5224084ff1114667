"""Messages in the journal of a test host, as a unit of it writes them: of several lines, and of any bytes."""

from tests.hosts.host import Host

_SPEAK = r"""
use Socket;
socket(my $journal, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
while (@ARGV) {
    my ($priority, $text) = (shift @ARGV, pack("H*", shift @ARGV));
    my $entry = "PRIORITY=$priority\nMESSAGE\n" . pack("Q<", length $text) . "$text\n";
    send($journal, $entry, 0, sockaddr_un("/run/systemd/journal/socket")) or die "send: $!";
}
system("journalctl", "--sync") and die "journalctl --sync";
"""
_AS = (
    "echo $$ >/sys/fs/cgroup$(systemctl show --property=ControlGroup --value {unit})/cgroup.procs && "
    "perl -e '{script}' {words}"
)
"""A journal knows a unit by the group of the process that sends, for which it asks when it comes to the
message: so the sender lives until then."""


def speak(host: Host, unit: str, *messages: tuple[int, bytes]) -> None:
    """Priority and text of each, said by a unit that runs; they are in the journal afterwards."""
    words = " ".join(f"{priority} '{text.hex()}'" for priority, text in messages)
    host.run(_AS.format(unit=unit, script=_SPEAK, words=words))
