# SPDX-License-Identifier: GPL-2.0-or-later
# A hosted session for a test: a runtime directory of its own, the programs of the build directory
# that the test runs in, guests that are removed before and after. Sourced.

top=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
build=$PWD
. "$top/scripts/lib/drive.sh"

work=$(mktemp -d)
export MULLION_RUNTIME_DIR=$work/run MULLION_LIBEXECDIR=$build
desktop= # its process
guests=() # to be removed at the end

mullion() { "$build/mullion" "$@"; }
ok() { echo "ok - $*"; }
die() {
	echo "not ok - $*"
	sed 's/^/# /' "$work/desktop.log" 2>/dev/null
	exit 1
}

rig_remove() {
	mullion stop --force "$1" >/dev/null 2>&1
	mullion delete "$1" >/dev/null 2>&1
}
rig_end() {
	local guest
	[ -z "$desktop" ] || kill "$desktop" 2>/dev/null
	for guest in "${guests[@]}"; do rig_remove "$guest"; done
	wait
	rm -rf "$work"
}
trap rig_end EXIT

# rig_guest NAME CREATE-OPTION...: a new guest, running.
rig_guest() {
	guests+=("$1")
	rig_remove "$1"
	mullion create "$@" --vcpus 1 --start >/dev/null || die "no guest $1"
}
rig_memtest() {
	rig_guest "$1" --os other --memory 128 --iso /usr/lib/memtest86+/memtest86+x64.iso
}

# rig_desktop OPTION...: as of `mullion desktop`; its messages go to $work/desktop.log.
rig_desktop() {
	"$build/mullion" desktop "$@" >"$work/desktop.log" 2>&1 &
	desktop=$!
}

"$top/scripts/lib/libvirt-up.sh" || die "libvirt is not there"
