# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The budgets (budgets.txt) against a table that measure.sh made. Sourced by check.sh and run.sh.
#   budgets_check TABLE    a line PASS or FAIL for each
budgets_file=$(dirname "${BASH_SOURCE[0]}")/budgets.txt

# What a table has under a budget's name; nothing when it has no such row.
budgets_value() {
	awk -F , -v wanted="$2" '
		$1 == wanted && $2 == "" { print $4 }
		wanted == $1 " " $2 " " $3 " all" { print $5 }
		wanted == $1 " " $2 " " $3 " copy" { print $6 }
		wanted == $1 " " $2 " " $3 " rest" { print $7 }' "$1"
}

budgets_compare() {
	local name=$1 value=$2 limit=$3

	if [[ ! $value =~ ^[0-9]+(\.[0-9]+)?$ || ! $limit =~ ^[0-9]+$ ]]; then
		echo "FAIL budget: $name: measured '$value', limit '$limit'"
	elif awk -v value="$value" -v limit="$limit" 'BEGIN { exit !(value <= limit) }'; then
		echo "PASS budget: $name: $value <= $limit"
	else
		echo "FAIL budget: $name: $value > $limit"
	fi
}

budgets_check() {
	local name limit

	while IFS=: read -r name limit; do
		[[ $name == '#'* ]] ||
			budgets_compare "$name" "$(budgets_value "$1" "$name")" "${limit# }"
	done <"$budgets_file"
}
