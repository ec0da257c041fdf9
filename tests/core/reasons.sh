#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every reason code is explained in doc/reason-codes.md, and no other; none is there twice.
top=${srcdir:-$(dirname "$0")/../..}
codes=$(sed -n 's/^\tX(\([0-9]\{3\}\), .*/\1/p' "$top/hypervisor/lib/reason.h")
explained=$(sed -n 's/^| \([0-9]\{3\}\) |.*/\1/p' "$top/doc/reason-codes.md")
[ "$(wc -w <<<"$codes")" -ge 40 ] || {
	echo "not ok - the codes of hypervisor/lib/reason.h cannot be read"
	exit 1
}
diff <(echo "$codes") <(echo "$explained") || {
	echo "not ok - hypervisor/lib/reason.h (<) and doc/reason-codes.md (>) differ"
	exit 1
}
[ -z "$(sort <<<"$codes" | uniq -d)" ] || {
	echo "not ok - a code is there twice"
	exit 1
}
echo "ok - all codes are explained"
