#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The control VM, fallen, reaches neither the core nor the UI VM.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/tests/core/attack/attack.sh"

attack_build || die "the attacks do not build"

for core_iommu in ${ATTACK_IOMMUS:-amd}; do
	rig_new
	# shellcheck disable=SC2086 # a list of words
	attack_hook begin "$(attack_run $attack_names)"
	attack_machine control && core_boot || die "no machine with IOMMU $core_iommu"
	core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
	core_wait_line 'control: ready' 180 || die "the control VM does not start"
	# shellcheck disable=SC2086
	attack_judge control $attack_names || die "attacks of the control VM, IOMMU $core_iommu"
	ok "nothing gets through, IOMMU $core_iommu"

	core_steps_control && screen_shows_card && picture_lives || die "a VM does not go on"
	core_has_line 'canary CHANGED' && die "the UI VM's memory"
	ok "both VMs go on, and the UI VM's memory is as it was"

	attack_counted 1 bad-memory-accesses bad-port-accesses bad-msr-accesses bad-hypercalls bad-dma ||
		die "not counted"
	ok "what was tried is counted"
done
