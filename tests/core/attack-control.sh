#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The control VM, fallen, reaches neither the core nor the UI VM.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/tests/core/attack/attack.sh"

attack_build || die "the attacks do not build"

# attack_from_control NAME...
attack_from_control() {
	attack_hook begin "$(attack_run "$@")"
	attack_machine control || die "no machine"
	core_boot || die "no machine"
	core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
	core_wait_line 'control: ready' 180 || die "the control VM does not start"
	attack_judge control "$@" || die "attacks of the control VM, IOMMU $core_iommu"
	ok "nothing gets through, IOMMU $core_iommu"

	if ! core_steps_control || ! core_steps_ui || core_has_line 'canary CHANGED'; then
		die "a VM does not go on"
	fi
	ok "both VMs go on with all their devices, and the UI VM's memory is as it was"
}

core_iommu=amd
# shellcheck disable=SC2086 # a list of words
attack_from_control $attack_names
attack_counted 1 bad-memory-accesses bad-port-accesses bad-msr-accesses bad-config-accesses \
	bad-interrupt-messages bad-hypercalls || die "not counted"
ok "what was tried is counted"

# What the other IOMMU is there for; attack-ui.sh says what is left out.
rig_new
core_iommu=intel
attack_arguments+=" compatible=0"
attack_from_control msi dma
attack_counted 1 bad-interrupt-messages bad-dma || die "not counted"
ok "what was tried is counted"
