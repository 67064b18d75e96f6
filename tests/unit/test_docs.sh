#!/bin/bash
# SPDX-License-Identifier: MIT
# What the documents name must exist: files and folders, functions and other names of the code, make
# targets and variables, scenarios, configuration keys, messages, links, sections that the course's
# tests name; and the README's table has every key. Looks at what stands in backticks, at words like
# guest_memory_find without them, at make's command lines, at the first column of tables of messages,
# and at links: names of others' things stand without backticks, or in the list below. Prints PASS or
# FAIL lines; status 1 if one failed.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
rooms=(boot vmm devices mm lib guest-driver tests scripts .ci)
documents=(README.md CONTRIBUTING.md docs/*.md docs/lab/*.md)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

# Programs that a reader starts, a UEFI shell's name of a volume, a driver of Linux, the C library's.
readonly FOREIGN=' addr2line aligned_alloc dd fs0 hexdump intel_pstate lsblk screen sha256sum '

# Sets the array $1 to have a key for each line of the input.
declare -A is_word is_file is_target is_scenario is_key
learn() {
	local -n known=$1
	local line

	while IFS= read -r line; do
		# shellcheck disable=SC2004,SC2034 # known is one of the arrays above
		[ -z "$line" ] || known[$line]=1
	done
}

# The code without its comments and without this file, for names and for fixed strings.
mapfile -t sources < <(find "${rooms[@]}" -type f ! -name '*.md' ! -name test_docs.sh)
sources+=(Makefile linker.ld)
without_comments() {
	perl -0777 -ne '
		if ($ARGV =~ /\.[ch]$|\.ld$/) { s{/\*.*?\*/}{ }gs }
		elsif ($ARGV =~ /\.asm$/) { s/;[^\n"]*$//gm }
		else { s/^\s*#(?!:).*$//gm }
		print "$_\n";' "$@"
}
without_comments "${sources[@]}" >"$work/code"
# The strings of the program, as the compiler joins them.
without_comments boot/*.c vmm/*.c devices/*.c lib/*.c |
	perl -0777 -pe 's/"\s*L?"//g; s/\\\\/\\/g' >"$work/strings"
learn is_word < <(grep -oE '[A-Za-z_][A-Za-z0-9_]*' "$work/code" | sort -u)
learn is_file < <(printf '%s\n' "${sources[@]##*/}" "${documents[@]##*/}" LICENSE)
learn is_target < <(sed -nE 's/^([a-z][a-z0-9 -]*):.*/\1/p' Makefile guest-driver/guests.mk tests/lab/*.mk |
	tr ' ' '\n')
learn is_scenario < <(tests/boot/run.sh --list
	tests/boot/run.sh --list tests/nested/boots/*.sh tests/models/boots/*.sh)
learn is_key < <(sed -nE 's/^\t\{ "([a-z.-]+)", [a-z_]+_set,.*/\1/p' boot/config.c)

in_code() {
	grep -qF -- "$1" "$work/code"
}

# A name with hyphens or dots in it, and not a part of another.
whole_in_code() {
	grep -qE -- "(^|[^A-Za-z0-9_.-])${1//./\\.}([^A-Za-z0-9_-]|\$)" "$work/code"
}

# A file of the tree, a folder, or a pattern that fits some; below build/ and grades/ what the Makefile
# or a script puts there. NAME stands for a name that the reader chooses.
path_exists() {
	local path=$1

	case $path in
	/* | *NAME*) return 0 ;;
	build/) return 0 ;;
	grades/ | grades/*) in_code "${path##*/}" ;;
	build/*) in_code "${path##*/}" || [[ ${path##*/} == *.* && -e guest-driver/${path##*/} ]] ;;
	*) compgen -G "$path" >/dev/null || compgen -G "${path%/}" >/dev/null ;;
	esac
}

# A word out of backticks. What has no form of a name is not looked at.
name_exists() {
	local name=$1 key

	[[ $FOREIGN != *" $name "* ]] || return 0
	case $name in
	*...* | = | *[\<\>\[\]\{\}\$\|%+\&]* | [0-9]*) return 0 ;;
	-*) whole_in_code "${name%%=*}" ;;
	[A-Z]*_*=* | [A-Z]*=*) [[ -n ${is_word[${name%%=*}]:-} ]] ;;
	key=value) return 0 ;;
	*=*)
		key=${name%%=*}
		[[ -n ${is_key[$key]:-} || -n ${is_word[$key]:-} ]]
		;;
	*\\*)
		name=${name//\\/\/}
		in_code "${name#/}" || in_code "${name##*/}"
		;;
	*/*) path_exists "$name" ;;
	NAME.*) return 0 ;;
	.*) [ -e "$name" ] || whole_in_code "$name" ;;
	*.*) [[ -n ${is_file[$name]:-} || -n ${is_key[$name]:-} ]] || whole_in_code "$name" ;;
	*-*) [[ -n ${is_scenario[$name]:-} || -n ${is_target[$name]:-} ]] || whole_in_code "$name" ;;
	[A-Za-z_]*)
		name=${name%'()'}
		[[ ! $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ || -n ${is_word[$name]:-} ||
			-n ${is_file[$name]:-} ]]
		;;
	esac
}

make_word_exists() {
	case $1 in
	*=*) [[ -n ${is_word[${1%%=*}]:-} ]] ;;
	-* | [!a-z]*) return 0 ;;
	*) [[ -n ${is_target[$1]:-} ]] ;;
	esac
}

# A piece of a message: a number in it may be one that is put in, like 0x%lx.
message_exists() {
	MESSAGE=$1 perl -0777 -ne '
		($wanted = quotemeta $ENV{MESSAGE}) =~
			s/(?<![0-9a-z])(0x[0-9a-f]+|[0-9]+)/(?:$1|(?:0x)?%[0-9l]*[a-z])/g;
		exit !/$wanted/' "$work/strings"
}

# Prints 'FILE:LINE: ...' for each section of a document that the course names, as in
# docs/svirtb.md 'States' and | `docs/svirtb.md` | "States" |, and that is none.
check_sections() {
	local file line found document title

	while IFS=: read -r file line found; do
		document=${found%%.md*}.md
		title=${found#*[\'\"]}
		title=${title%[\'\"]}
		grep -qxE "#+ $title" "$document" ||
			echo "$file:$line: $document has no section '$title'"
	done < <(grep -HnoE "docs/[a-z0-9/-]+\.md[\`| ]*['\"][^'\"]+['\"]" "$@")
}

# What a document has to check, a line each: its line number, the kind, and the word. Kinds: name
# (out of backticks), make (behind the word make, in backticks or in a command), message, link.
extract() {
	perl -CSD -ne '
		sub words { my ($text) = @_; $text =~ s/"[^"]*"/x/g; return split(" ", $text) }
		sub commands {
			my ($text) = @_;
			return unless $text =~ /^(?:\$ )?(?:sudo )?make\b(.*)$/;
			my $rest = $1;
			$rest =~ s/\s(?:[#;|]|&&|\s{2}).*//;
			print "$.\tmake\t$_\n" for words($rest);
		}
		if (/^\s*```/) { $fenced = !$fenced; next }
		if ($fenced || /^ {4,}\S/ && !/^ +(?:-|[0-9]+\.) /) {
			(my $line = $_) =~ s/^\s+//;
			commands($line);
			next if $fenced || !/`/;
		}
		$messages = 1 if /^\| (?:message|row that says no|what the log says) \|/;
		$messages = 0 if /^$/;
		if ($messages && /^\| ([^-|][^|]*) \|/) {
			(my $cell = $1) =~ s/`//g;
			for (split /\.\.\.|[;*]/, $cell) {
				s/^[\s,:]+|[\s,:]+$//g;
				print "$.\tmessage\t$_\n" if /[a-z]/ && !/^(?:message|row that|what the log)/;
			}
		}
		while (/`([^`]+)`/g) {
			my $span = $1;
			if ($span =~ /^make\b/) { commands($span); next }
			$span =~ s/^([a-z.-]+) = /$1=/;
			for (words($span)) {
				s/^[\x27"(\[]+//; s/[\x27",;:\]]+$//; s/\.$//;
				print "$.\tname\t$_\n" if length;
			}
		}
		print "$.\tlink\t$1\n" while /\]\(([^)]+)\)/g;
		s/`[^`]*`|\]\([^)]*\)/ /g;
		print "$.\tname\t$1\n" while /(?<![\w.*\x27\/])([a-z]\w*_\w+)(?![\w*\/])/g;' "$1"
}

# Prints 'LINE: WORD' for each word of a document that names nothing.
check_document() {
	local document=$1 line kind word

	while IFS=$'\t' read -r line kind word; do
		case $kind in
		name) name_exists "$word" ;;
		make) make_word_exists "$word" ;;
		message) message_exists "$word" ;;
		link) [[ $word == http* || -e $(dirname "$document")/${word%%#*} ]] ;;
		esac || echo "$document:$line: '$word' ($kind) does not exist"
	done < <(extract "$document")
}

report() {
	local name=$1 complaints=$2

	if [ -z "$complaints" ]; then
		echo "PASS docs: $name"
	else
		echo "$complaints"
		echo "FAIL docs: $name"
		failed=1
	fi
}

for document in "${documents[@]}"; do
	report "$document" "$(check_document "$document")"
done

report 'sections that the course names' "$(check_sections tests/lab/*/*.py docs/lab/*.md)"

# The README's table of keys against the program's.
keys_in_readme() {
	awk -F "[\`|]" '/^\| key \|/ { inside = 1 } /^$/ { inside = 0 }
		inside && $3 ~ /^[a-z]/ { print $3 }' README.md
}
report 'the table of keys' \
	"$(diff <(printf '%s\n' "${!is_key[@]}" | sort) <(keys_in_readme | sort))"

# This test itself: every kind of invented name is found, and only those.
mkdir "$work/docs"
touch "$work/docs/architecture.md"
# '~' is the end of a line.
while IFS= read -r line; do
	printf '%s\n' "${line//\~/$'\n'}" >"$work/made-up.md"
	complaint="$line was taken for genuine"
	[ -z "$(check_document "$work/made-up.md")" ] || complaint=
	report "finds $line" "$complaint"
done <<'INVENTED'
a file: `boot/teapot.c`
a file without its folder: `teapot.c`
a file that is built: `build/teapot.img`
a file on the boot volume: `\teapot.result`
a pattern: `boot/tea*.c`
a function: `vcpu_brew_coffee`
a function with parentheses: `vcpu_brew_coffee()`
a function among plain words: | call vcpu_brew_coffee, then drink |
a structure: `struct teapot`
a word in a longer span: `mov [teapot_register], eax`
a target: `make coffee`
    make coffee
a variable: `make run COFFEE=yes`
a scenario: `hostile-teapots`
a part of a scenario: `hostile-entr`
a key: `disk.colour = red`
a key=value word: `disk.colour=red`
a compiler's option: `-mno-tea`
a link: [tea](docs/teapot.md)
a message: ~| message |~| the teapot is empty | fill it |
INVENTED
echo "read docs/svirtb.md 'States', docs/svirtb.md 'Teapots'" >"$work/made-up.py"
report 'finds a section that is none' "$(diff <(check_sections "$work/made-up.py") - <<<\
	"$work/made-up.py:1: docs/svirtb.md has no section 'Teapots'")"
cat >"$work/made-up.md" <<'GENUINE'
`boot/main.c`, `test_svirtb.c`, `build/cafevisor.img`, `\cafevisor.result`, `boot/*.c`, `vcpu_run`,
`vcpu_run()`, vcpu_run, `struct vcpu`, `mov [rdi], eax`, `make bench ENGINE=kvm`, `hostile-rings`,
`disk.mode = ro`, `lsblk`, `disk.mode=ro`, `-mgeneral-regs-only`,
[the house](docs/architecture.md#the-house)

| message | |
| --- | --- |
| memory = 9M: the firmware has not that much free; cmd 0x7 is neither 0 (read) | |

    make run GUEST=file.elf CMDLINE="words for the guest"    # with words
GENUINE
report 'takes what there is for genuine' "$(check_document "$work/made-up.md")"
exit "$failed"
