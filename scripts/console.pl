# SPDX-License-Identifier: MIT
# A machine's serial port on the terminal that run.sh was started from: bytes go both ways by one
# TCP connection, which the machine makes. Ends with it, or by Ctrl-A X, then with status 3; Ctrl-A
# Ctrl-A sends one.
#   console.pl PORT_FILE LOG_FILE
# PORT_FILE receives the port's number, LOG_FILE a copy of what the machine sends. Until the guest
# has started, the firmware's screen control is left out of what is shown.
use strict;
use warnings;
use IO::Handle;
use Socket;

# Keys that wait for a machine which does not take them; more stay where they come from.
use constant WAITING_MAX => 1 << 20;

my ($port_file, $log_file) = @ARGV;
my $ctrl_a = "\x01";

socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "console: $!\n";
bind($listener, sockaddr_in(0, INADDR_LOOPBACK)) && listen($listener, 1) or die "console: $!\n";
open(my $log, '>', $log_file) or die "console: $log_file: $!\n";
open(my $port, '>', "$port_file.new") or die "console: $port_file: $!\n";
print $port +(sockaddr_in(getsockname($listener)))[0];
close($port);
rename("$port_file.new", $port_file);

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

sub show {
	my ($bytes) = @_;

	while (length $bytes) {
		my $done = syswrite(STDOUT, $bytes);
		return 0 if !defined $done;
		substr($bytes, 0, $done, '');
	}
	return 1;
}

# The machine's end of the connection, once it has called.
sub answer {
	accept(my $caller, $listener) or die "console: $!\n";
	close($listener);
	$caller->blocking(0);
	return $caller;
}

my ($machine, $waiting) = (undef, '');

$SIG{PIPE} = 'IGNORE';
for (;;) {
	my ($readable, $writable) = ('', '');

	vec($readable, fileno($machine // $listener), 1) = 1;
	vec($readable, fileno(STDIN), 1) = 1 if $input_open && length($waiting) < WAITING_MAX;
	vec($writable, fileno($machine), 1) = 1 if $machine && length($waiting);
	next if select($readable, $writable, undef, undef) < 0;
	if ($input_open && vec($readable, fileno(STDIN), 1)) {
		if (sysread(STDIN, my $keys, 4096)) {
			my $bytes = typed($keys);
			exit(3) if !defined $bytes;
			$waiting .= $bytes;
		} else {
			$input_open = 0;
		}
	}
	if (!$machine) {
		$machine = answer() if vec($readable, fileno($listener), 1);
		next;
	}
	if (vec($writable, fileno($machine), 1)) {
		my $done = syswrite($machine, $waiting);
		# What nobody takes any more is dropped; the end itself is seen by reading.
		$done //= $!{EAGAIN} ? 0 : length($waiting);
		substr($waiting, 0, $done, '');
	}
	if (vec($readable, fileno($machine), 1)) {
		my $count = sysread($machine, my $bytes, 65536);
		next if !defined $count && $!{EAGAIN};
		last if !$count;
		syswrite($log, $bytes);
		show(shown($bytes));
	}
}
