# SPDX-License-Identifier: GPL-2.0-or-later
# Steps that end as a table. Sourced.

results=()

check() { # check WHAT COMMAND...: one line of the table
	local what=$1
	shift
	if "$@"; then
		results+=("ok      $what")
		echo "ok: $what"
	else
		results+=("FAILED  $what")
		echo "FAILED: $what" >&2
		return 1
	fi
}
