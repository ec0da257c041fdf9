#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the core cannot use it refuses with the reason's code (doc/reason-codes.md), on serial and on
# screen, and does not restart over; what it can do without, it says.
. "${srcdir:-.}/tests/core/rig.sh"

# refuses CODE WHAT [PATTERN]: the machine as set up gives that error, and its line has the pattern.
# The screen has text, too: another picture than the empty one.
refuses() {
	core_boot && core_wait_line "core: error $1: .*${3:-}" 60 || die "$2"
	! core_has_line '\[ui\]|\[control\]' || die "$2: a VM was started all the same"
	core_screenshot "$out/screen.png" && [ "$(identify -format %k "$out/screen.png")" -gt 1 ] ||
		die "$2: the screen is empty"
	ok "$2: error $1"
	defaults
}
# warns CODE WHAT: the core starts and says so.
warns() {
	core_boot && core_wait_line "core: warning $1:" 60 &&
		core_wait_line '\[ui\].*Linux version' 120 || die "$2"
	ok "$2: warning $1"
	defaults
}

defaults() {
	rig_new
	core_cpu=max,+svm,+npt core_memory=3G core_iommu=amd core_extra=() core_manifest= core_modules=()
	core_default_manifest >"$work/good"
}
# manifest SED-SCRIPT: the usual one, changed.
manifest() {
	sed "$1" "$work/good" >"$work/manifest" && core_manifest=$work/manifest
	! cmp -s "$work/good" "$work/manifest" || die "nothing is changed by: $1"
}
# modules NAME=FILE...: all of them, but these as said; an empty FILE leaves that one out.
modules() {
	local name change
	local -A file=([manifest]=$work/good [vmlinuz]=$core_images/vmlinuz
		[ui.initrd]=$core_images/ui.initrd [control.initrd]=$core_images/control.initrd)
	for change in "$@"; do file[${change%%=*}]=${change#*=}; done
	for name in "${!file[@]}"; do [ -z "${file[$name]}" ] || core_modules+=("$name=${file[$name]}"); done
}
defaults

core_cpu=max,-svm
refuses 103 "no SVM"
core_cpu=max,+svm,-npt
refuses 105 "no nested paging"
core_cpu=max,+svm,+npt,-nx
refuses 102 "no NX"
core_cpu=max,+svm,+npt,-xsave
refuses 106 "no XSAVE"
core_memory=480M
refuses 116 "too little memory"

modules manifest=
refuses 203 "no manifest"
manifest '/^kind = ui/s/ui/gui/'
refuses 204 "an error in the manifest" "line 3, column 8"
manifest 's/^initrd = ui.initrd/initrd = gui.initrd/'
refuses 205 "a module that is not there" gui.initrd
head -c 100000 "$core_images/vmlinuz" >"$work/short"
modules vmlinuz="$work/short"
refuses 206 "a truncated kernel"
modules vmlinuz="$core_images/ui.initrd"
refuses 207 "a kernel that is not one"
manifest "s/^device = 00:$core_addr_edu.0/device = 00:1e.7/"
refuses 208 "a device that is not there" 00:1e.7
manifest "/^initrd = control.initrd/a device = 00:$core_addr_edu.0"
refuses 209 "a device named twice" "line 17, column 10"
manifest "/^initrd = control.initrd/a device = 00:$core_addr_vga.0"
refuses 209 "a device given to two VMs, once by its class" "00:$core_addr_vga.0"
manifest '/^\[vm control\]/,$d'
refuses 210 "no control VM" "kind = control"

# No IOMMU at all, which is no reason to stop; and one that does not remap interrupts.
core_iommu=none
warns 501 "no IOMMU"
core_iommu=none core_extra=(-device intel-iommu,intremap=off)
warns 502 "no interrupt remapping"
