#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The control VM, fallen, reaches neither the core nor the UI VM.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/tests/core/attack/attack.sh"

attack_build || die "the attacks do not build"
core_iommu=amd
# shellcheck disable=SC2086 # a list of words
attack_hook begin "$(attack_run $attack_names)"
attack_machine control || die "no machine"
core_boot || die "no machine"
core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
core_wait_line 'control: ready' 180 || die "the control VM does not start"
# shellcheck disable=SC2086
attack_judge control $attack_names || die "attacks of the control VM"
ok "nothing gets through"

if ! core_steps_control || ! core_steps_ui || core_has_line 'canary CHANGED'; then
	die "a VM does not go on"
fi
ok "both VMs go on with all their devices, and the UI VM's memory is as it was"

attack_counted 1 bad-memory-accesses bad-port-accesses bad-msr-accesses bad-config-accesses \
	bad-interrupt-messages bad-hypercalls || die "not counted"
ok "what was tried is counted"
