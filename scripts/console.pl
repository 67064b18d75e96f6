# SPDX-License-Identifier: MIT
# A machine's serial port on the terminal that run.sh was started from: bytes go both ways by one
# TCP connection, which the machine makes. Ends with it, or by Ctrl-A X, then with status 3; Ctrl-A
# Ctrl-A sends one.
#   console.pl PORT_FILE LOG_FILE
# PORT_FILE receives the port's number, LOG_FILE a copy of what the machine sends. Until the guest
# has started, the firmware's screen control is left out of what is shown.
use strict;
use warnings;
use Socket;

my ($port_file, $log_file) = @ARGV;
my $ctrl_a = "\x01";

socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "console: $!\n";
bind($listener, sockaddr_in(0, INADDR_LOOPBACK)) && listen($listener, 1) or die "console: $!\n";
open(my $log, '>', $log_file) or die "console: $log_file: $!\n";
open(my $port, '>', "$port_file.new") or die "console: $port_file: $!\n";
print $port +(sockaddr_in(getsockname($listener)))[0];
close($port);
rename("$port_file.new", $port_file);
accept(my $machine, $listener) or die "console: $!\n";
close($listener);

my ($started, $pending, $escaped, $input_open) = (0, '', 0, 1);

# What a person should see of bytes from the machine. What may go on in the next bytes is held back.
sub shown {
	my ($bytes) = @_;
	my $rest = '';

	return $bytes if $started;
	$pending .= $bytes;
	if ($pending =~ s/^(.*?^\[boot\] starting the guest)//ms) {
		($started, $rest, $pending) = (1, $pending, $1);
	} elsif ($pending =~ s/(\e[^A-Za-z]{0,16}|^\[boot[^\n]{0,40})\z//m) {
		$rest = $1;
	}
	$pending =~ s/\e\[[0-9;=?]*[A-Za-z]//g;
	my $text = $pending;
	$pending = $rest;
	return $started ? $text . $rest : $text;
}

# What the machine gets of keys; undef when the person wants to leave.
sub typed {
	my ($keys) = @_;
	my $out = '';

	for my $key (split //, $keys) {
		return if $escaped && ($key eq 'x' || $key eq 'X');
		$out .= $ctrl_a if $escaped && $key eq $ctrl_a;
		if (!$escaped && $key eq $ctrl_a) {
			$escaped = 1;
			next;
		}
		$out .= $key if !($escaped && $key eq $ctrl_a);
		$escaped = 0;
	}
	return $out;
}

sub write_all {
	my ($to, $bytes) = @_;

	while (length $bytes) {
		my $done = syswrite($to, $bytes);
		return 0 if !defined $done;
		substr($bytes, 0, $done, '');
	}
	return 1;
}

$SIG{PIPE} = 'IGNORE';
for (;;) {
	my $ready = '';

	vec($ready, fileno($machine), 1) = 1;
	vec($ready, fileno(STDIN), 1) = 1 if $input_open;
	next if select($ready, undef, undef, undef) < 0;
	if (vec($ready, fileno($machine), 1)) {
		my $bytes;

		last if !sysread($machine, $bytes, 65536);
		syswrite($log, $bytes);
		write_all(*STDOUT, shown($bytes));
	}
	if ($input_open && vec($ready, fileno(STDIN), 1)) {
		my $keys;

		if (!sysread(STDIN, $keys, 4096)) {
			$input_open = 0;
			next;
		}
		my $bytes = typed($keys);
		exit(3) if !defined $bytes;
		last if !write_all($machine, $bytes);
	}
}
