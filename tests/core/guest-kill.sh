#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs with guests that are killed in the middle of anything leave no page and no vCPU, of the
# core, of the module or of the control VM: KILLS of a small one (tests/core/kvm/kill.c), QEMU_KILLS of
# Debian's QEMU. 900 and 100 take some minutes.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/scripts/lib/core-guests.sh"
kills=${KILLS:-900} qemu_kills=${QEMU_KILLS:-100}

${CC:-gcc} -std=gnu11 -O2 -static -s -D_GNU_SOURCE -Wall -Wextra -o "$work/kvm-client" \
	"$top"/tests/core/kvm/*.c "$top/tests/core/kvm/guest.S" -lpthread || die "the client does not build"
rig_images "$work/images" "$work/kvm-client=/bin/kvm-client" \
	"$top/tests/core/guests/kill-run=/bin/kill-run" || die "no images"
guest_machine || die "no disk of guests"
core_boot || die "no machine"
guest_prepare || die "the control VM has no guests' disk"
core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"

# killed PATTERN COMMAND: until it says that, or has ended without.
killed() {
	core_control_shell "{ $2; echo \"<1>killing has ended\"; } >/dev/kmsg 2>&1 &" || return
	core_wait_line 'killing has ended|Oops|BUG:|Kernel panic' 1800 || return
	core_has_line "$1" && ! core_has_line 'FAILED|Oops|BUG:|WARNING:|Kernel panic'
}
killed "kvm: kills: $kills killed" "KILLS=$kills kvm-client kills" || die "small programs leave something"
ok "$kills small programs with guests, killed"
core_set_mark
killed 'kill-run: nothing is left' "kill-run $qemu_kills $RANDOM" || die "QEMUs leave something"
core_log | grep -a 'kill-run: ' | sed 's/^/# /'
ok "$qemu_kills QEMUs, killed"
core_mark=1
picture_lives || die "the UI VM does not go on"
core_steps_control || die "the control VM does not go on"
core_control_shell "rmmod mullion-kvm && test ! -e /dev/kvm" || die "the module does not go"
ok "both VMs go on, and the module can go"
