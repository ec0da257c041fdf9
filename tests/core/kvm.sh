#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# /dev/kvm in the control VM, by a small client of its own: what it offers, what it refuses, guests
# that run, and that nothing is left of a program that ends in the middle.
. "${srcdir:-.}/tests/core/rig.sh"

${CC:-gcc} -std=gnu11 -O2 -static -s -D_GNU_SOURCE -Wall -Wextra -o "$work/kvm-client" \
	"$top"/tests/core/kvm/*.c "$top/tests/core/kvm/guest.S" -lpthread || die "the client does not build"
make -s -C "$top/linux" FROM="$top/tests/core/fail" O="$work/fail" >"$work/fail.log" 2>&1 || {
	cat "$work/fail.log"
	die "the module that makes allocations fail does not build"
}
cat >"$work/kvm.hook" <<-'END'
	#!/bin/sh
	insmod /modules/fail.ko && kvm-client >/dev/kmsg 2>&1 &
END
chmod 755 "$work/kvm.hook"
rig_add "$core_images/control.initrd" "$work/control.initrd" "$work/kvm-client=/bin/kvm-client" \
	"$work/fail/fail.ko=/modules/fail.ko" "$work/kvm.hook" || die "no image"
core_default_manifest >"$work/manifest"
core_modules=(manifest="$work/manifest" vmlinuz="$core_images/vmlinuz"
	ui.initrd="$core_images/ui.initrd" control.initrd="$work/control.initrd")
core_boot || die "no machine"
core_wait_line 'kvm: all done|Oops|BUG:|Kernel panic' 300 || die "the client does not come to an end"
bad='kvm: FAILED|Oops|BUG:|WARNING:|Kernel panic'
if core_has_line "$bad"; then
	core_log | grep -aE "$bad|kvm: .* (leaves|errno)" | head -n 20 | sed 's/^/# /'
	die "/dev/kvm"
fi
for part in offer bad pointers order state io interrupts memory bare hyperv kill kills fail fuzz; do
	core_has_line "kvm: $part done" || die "$part"
	ok "$part"
done
core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
core_wait_line 'control: ready' 180 || die "the control VM does not start"
core_control_shell "rmmod fail && rmmod mullion-kvm && test ! -e /dev/kvm" || die "the module does not go"
ok "both VMs go on, and the module can go"
