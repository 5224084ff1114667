# A server that stands in for an engine, for hosts that have Perl at most: answers with `app.conf` as it read it,
# reads it again on SIGHUP, counts its starts in `../data/starts`. `perl toy.pl PORT [ARGUMENTS]`; on `/secret` it
# answers with the length of its secret, on `/open?PATH` whether it can read a file.
use strict;
use warnings;
use IO::Socket::INET;

my ($text, $good, $at) = ('', 1, 0);

sub slurp {
    open(my $stream, '<', $_[0]) or return undef;
    local $/;
    return scalar <$stream>;
}

sub load {
    my $found = slurp('app.conf') // 'nothing';
    $good = $found =~ /^unreadable/ ? 0 : 1;
    ($text, $at) = ($found, time) if $good;
    print "loaded $found\n";
}

$| = 1;
$SIG{HUP} = \&load;
open(my $starts, '>>', '../data/starts') or die "no data: $!";
print $starts "$$\n";
close $starts;
load();
die "cannot go on\n" if $text =~ /^broken/;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1)
    or die "no port: $!";
while (1) {
    my $client = $server->accept or next;
    my ($path) = (<$client> // '') =~ m{^GET (\S+)};
    $path //= '';
    my $body = $text;
    $body = length(slurp('../credentials/pw') // '') if $path eq '/secret';
    $body = defined slurp($1) ? 'yes' : 'no' if $path =~ m{^/open\?(.*)};
    $body = "toy_config_last_reload_successful $good\ntoy_config_last_reload_success_timestamp_seconds $at\n"
        if $path eq '/metrics';
    print $client "HTTP/1.0 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    close $client;
}
