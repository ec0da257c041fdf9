# SPDX-License-Identifier: GPL-2.0-or-later
# A boot test: images, a folder of its own, a machine that ends with the test. Sourced, in the build
# directory; one machine at a time, `rig_new` between two.

top=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
build=$PWD
. "$top/scripts/lib/core.sh"
. "$top/scripts/lib/steps.sh"
. "$top/scripts/lib/core-steps.sh"

work=$(mktemp -d)
core_binary=$build/mullion-core
core_images=$build/core-images

ok() { echo "ok - $*"; }
die() {
	echo "not ok - $*"
	tail -n 120 "$core_dir/core.log" 2>/dev/null | sed 's/^/# /'
	tail -n 10 "$core_dir/control.out" 2>/dev/null | sed 's/^/# COM2: /'
	exit 1
}
rig_end() {
	core_stop
	rm -rf "$work"
}
trap rig_end EXIT

# rig_new: the next core_boot is of a new machine, with a new disk.
rig_new() {
	core_stop
	rm -rf "$work/machine"
	mkdir "$work/machine"
	core_dir=$work/machine out=$work/machine
	results=()
}

# rig_add IMAGE OUT FILE[=PATH]...: a copy of an image with files added; those in /hook/ are run by its
# init before anything else is. FILE is executable or not as it is.
rig_add() {
	local image=$1 to=$2 tree=$work/add file path
	shift 2
	rm -rf "$tree"
	for file in "$@"; do
		path=${file#*=} file=${file%%=*}
		[ "$path" != "$file" ] || path=/hook/$(basename "$file")
		mkdir -p "$tree$(dirname "$path")" && cp -p "$file" "$tree$path" || return
	done
	# Archives in a row are unpacked in a row; each starts at a multiple of four.
	{
		cat "$image"
		head -c $(((4 - $(stat -c %s "$image") % 4) % 4)) /dev/zero
		(cd "$tree" && find . -mindepth 1 | sort | cpio --quiet -o -H newc --owner 0:0)
	} >"$to"
}

# rig_images DIR FILE=PATH...: images in that folder, the control VM's with these files added.
rig_images() {
	local to=$1
	shift
	mkdir -p "$to" && cp "$core_images"/{vmlinuz,ui.initrd} "$to" &&
		rig_add "$core_images/control.initrd" "$to/control.initrd" "$@" && core_images=$to
}

"$top/scripts/core-images" --out "$core_images" || die "no images"
rig_new
