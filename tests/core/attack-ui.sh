#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A UI VM whose kernel has fallen reaches nothing: not the control VM, not the core. What it tried is
# counted; both others go on, and so does it.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/tests/core/attack/attack.sh"

attack_build || die "the attacks do not build"

# attack_from_ui NAME...: all of it, on a machine that runs already.
attack_from_ui() {
	core_wait_line 'control: ready' 180 || die "the control VM does not start"
	core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
	attack_judge ui "$@" || die "attacks of the UI VM, IOMMU $core_iommu"
	ok "nothing gets through, IOMMU $core_iommu"

	# shellcheck disable=SC2016 # for the other shell
	if ! core_control_shell 'kill $(cat /tmp/canary)' ||
		! core_wait_line 'canary ends: .* 0 words changed' 60; then
		die "the control VM's memory"
	fi
	if ! core_steps_control || ! screen_shows_card || ! picture_lives; then
		die "a VM does not go on"
	fi
	ok "both VMs go on, and the control VM's memory is as it was"
}

# All of it. AMD's IOMMU, as emulated, tells of no DMA that hits an empty table.
rig_new
core_iommu=amd
# shellcheck disable=SC2086 # a list of words
attack_hook begin "$(attack_run $attack_names)"
attack_machine ui || die "no machine"
core_boot || die "no machine"
# shellcheck disable=SC2086
attack_from_ui $attack_names
attack_counted 0 bad-memory-accesses bad-port-accesses bad-msr-accesses bad-config-accesses \
	bad-interrupt-messages bad-hypercalls || die "not counted"
ok "what was tried is counted"

# What the other IOMMU is there for. Messages in the old format it lets through, as emulated, although
# the core has switched them off (a VT-d that does as the specification says in 5.1.4 blocks them).
# After that, on a doorbell's ring, a state of the CPU that the emulator gives a VM up for.
rig_new
core_iommu=intel
attack_arguments+=" compatible=0"
attack_hook begin "$(attack_run msi dma)
$attack_debugfs
until grep -q '^5 [1-9]' $attack_reports/doorbells; do usleep 200000; done
insmod /modules/attack.ko run=reserved"
attack_machine ui || die "no machine"
core_boot || die "no machine"
attack_from_ui msi dma
attack_counted 0 bad-interrupt-messages bad-dma || die "not counted"
ok "what was tried is counted"

core_set_mark
core_control_shell "$attack_debugfs; echo 0 5 >$attack_reports/ring" || die "no doorbell"
core_wait_line 'attack: reserved begins' 60 || die "the doorbell is not heard"
core_wait_line 'warning 507: .*: ui, for the 1\. time' 60 || die "the UI VM is not started again"
core_wait_line 'testcard: ready' 180 || die "the UI VM does not come back"
if ! answers '.name == "control"' /cgi-bin/status || ! answers '.same' "/cgi-bin/disk?again"; then
	die "the control VM does not go on"
fi
ok "a UI VM in a state that no CPU runs is started again, and nobody else notices"
