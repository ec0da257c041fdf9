#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A UI VM whose kernel has fallen reaches nothing: not the control VM, not the core. What it tried is
# counted; both others go on, and so does it.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/tests/core/attack/attack.sh"

attack_build || die "the attacks do not build"

for core_iommu in ${ATTACK_IOMMUS:-amd intel}; do
	rig_new
	# shellcheck disable=SC2086 # a list of words
	attack_hook begin "$(attack_run $attack_names)"
	attack_machine ui && core_boot || die "no machine with IOMMU $core_iommu"
	core_wait_line 'control: ready' 180 || die "the control VM does not start"
	core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
	# shellcheck disable=SC2086
	attack_judge ui $attack_names || die "attacks of the UI VM, IOMMU $core_iommu"
	ok "nothing gets through, IOMMU $core_iommu"

	core_control_shell 'kill $(cat /tmp/canary)' && core_wait_line 'canary ends: .* 0 words changed' 60 ||
		die "the control VM's memory"
	core_steps_control && screen_shows_card && picture_lives || die "a VM does not go on"
	ok "both VMs go on, and the control VM's memory is as it was"

	attack_counted 0 bad-memory-accesses bad-port-accesses bad-msr-accesses bad-config-accesses \
		bad-interrupt-messages bad-hypercalls bad-dma || die "not counted"
	ok "what was tried is counted"
done
