#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guests made by a module's calls alone: each exit says what the guest did; what is no state or no
# argument is refused; memory that is taken away is gone. Both VMs go on, and no frame is lost.
. "${srcdir:-.}/tests/core/rig.sh"

make -s -C "$top/linux" FROM="$top/tests/core/guest" O="$work/guest" >"$work/guest.log" 2>&1 || {
	cat "$work/guest.log"
	die "the module does not build"
}
rig_add "$core_images/control.initrd" "$work/control.initrd" "$work/guest/guest.ko=/modules/guest.ko" ||
	die "no image"
core_default_manifest >"$work/manifest"
core_modules=(manifest="$work/manifest" vmlinuz="$core_images/vmlinuz"
	ui.initrd="$core_images/ui.initrd" control.initrd="$work/control.initrd")
core_boot || die "no machine"
core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
core_wait_line 'control: ready' 180 || die "the control VM does not start"
core_control_shell 'insmod /modules/guest.ko >/dev/null 2>&1 &' || die "the module is not loaded"

core_wait_line 'guest: spinning|guest: all done' 180 || die "the guests do not come to an end"
picture_lives || die "the UI VM stands still while guests spin"
core_has_line 'guest: not spinning' && die "too late to see the UI VM while guests spin"
core_control_shell 'echo 1 >/sys/module/guest/parameters/looked' || die "the guests are not released"
ok "the UI VM goes on while a guest spins on each CPU"

core_wait_line 'guest: all done' 180 || die "the guests do not come to an end"
core_has_line 'guest: FAILED' && die "guests"
core_has_line 'guest: all done, 0 failures' || die "guests"
for part in exits interrupts wait 'second vCPU' memory modes refused many; do
	core_has_line "guest: $part: done" || die "$part"
done
ok "exits, interrupts, memory and refusals are as the contract says"
core_steps_control || die "the control VM does not go on"
ok "both VMs go on"
