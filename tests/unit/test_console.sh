#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/console.pl between a terminal and a machine, both made up here: what goes each way, what is
# left out, and the two words of Ctrl-A. Prints PASS or FAIL lines; status 1 if one failed.
# shellcheck disable=SC2317 # expect and soon call functions by name
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
console=''
trap '[ -z "$console" ] || kill "$console" 2>/dev/null; rm -rf -- "$work"' EXIT
failed=0

expect() {
	local name=$1

	shift
	if "$@"; then
		echo "PASS console: $name"
	else
		echo "FAIL console: $name"
		failed=1
	fi
}

# Waits at most ten seconds for a command to succeed.
soon() {
	local tries=100

	until "$@" 2>/dev/null; do
		((tries-- > 0)) || return 1
		sleep 0.1
	done
}

# A console with its terminal's keys on 4.
start_alone() {
	rm -f -- "$work"/*
	mkfifo "$work/keys"
	perl "$top/scripts/console.pl" "$work/port" "$work/log" <"$work/keys" >"$work/shown" \
		2>"$work/errors" &
	console=$!
	exec 4>"$work/keys"
	soon test -s "$work/port"
}

# And with the machine's end of the connection on 5.
start() {
	start_alone && exec 5<>"/dev/tcp/127.0.0.1/$(<"$work/port")"
}

# The status of the console, once it has ended by itself.
ends_with() {
	local status=0

	soon has_ended || return
	wait "$console" || status=$?
	console=
	((status == $1))
}

has_ended() {
	! kill -0 "$console"
}

# Whether the flood of keys has made no progress for a while.
has_stalled() {
	local before

	before=$(grep wchar "/proc/$flood/io")
	sleep 1
	[ "$before" = "$(grep wchar "/proc/$flood/io")" ]
}

shows() {
	[ "$(<"$work/shown")" = "$1" ]
}

has_shown() {
	(($(stat -c %s "$work/shown") == $1))
}

# The next bytes that the machine receives, as many as its argument has.
receives() {
	local got=''

	IFS= read -r -t 10 -d '' -n ${#1} got <&5
	[ "$got" = "$1" ]
}

start
printf 'fw \e[2J\e[01;02Hline\r\n[boot] starting the gu' >&5
printf 'est\r\n\e[1mbold' >&5
expect 'the screen control before the guest is left out, the guest'\''s is not' \
	soon shows $'fw line\r\n[boot] starting the guest\r\n\e[1mbold'
expect 'the log has all of it' \
	test "$(<"$work/log")" = $'fw \e[2J\e[01;02Hline\r\n[boot] starting the guest\r\n\e[1mbold'
printf 'ls\r\003\004' >&4
expect 'keys reach the machine as they are' receives $'ls\r\003\004'
printf '\001\001b\001' >&4
printf 'yc' >&4
expect 'Ctrl-A Ctrl-A sends one, Ctrl-A and another key that key' receives $'\001byc'
printf '\001' >&4
printf 'x' >&4
expect 'Ctrl-A X ends it' ends_with 3
exec 4>&- 5>&-

start
exec 4>&-
printf 'more' >&5
expect 'it goes on without a keyboard' soon shows more
exec 5>&-
expect 'it ends with the machine' ends_with 0

start_alone
printf '\001x' >&4
expect 'Ctrl-A X ends it before the machine has called' ends_with 3
exec 4>&-

# Keys without end, until the connection holds no more of them: the machine takes none, and speaks.
start
yes 2>/dev/null >&4 4>&- 5>&- &
flood=$!
soon has_stalled
head -c 8M /dev/zero >&5 &
expect 'keys that the machine does not take hold up nothing that it says' soon has_shown $((8 << 20))
kill $! 2>/dev/null
exec 5>&-
expect 'it ends with the machine, whatever keys are left' ends_with 0
kill "$flood" 2>/dev/null
exec 4>&-
exit "$failed"
