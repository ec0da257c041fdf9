#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's libvirt, unmodified, finds virtualization in the control VM, and runs there what `mullion
# create` makes anywhere: the guest that hosted mode defines, started, saved, restored and gone. With
# `linux` as argument: the same on Linux' own KVM, on a machine without the core.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/scripts/lib/core-guests.sh"
folder=/var/lib/libvirt/images/mullion/work

# in_chroot COMMAND [SECONDS]: beside libvirt. What it asks of QEMU takes its time when emulated.
in_chroot() { core_control_shell "chroot /guests $1" "${2:-60}"; }
guest_ended() { core_control_shell "test ! -e /guests/run/libvirt/qemu/work.pid"; }

# The serial line is a terminal of libvirt's and a log; where core-guests.sh looks for both.
attach() {
	local terminal
	terminal=$(in_chroot "virsh -q ttyconsole work") &&
		core_control_shell "ln -sf /guests$terminal /guests/tmp/serial.in
			ln -sf /guests$folder/serial.log /guests/tmp/serial
			setsid cat /guests$terminal >/dev/null 2>&1 &"
}

# What it says of each thing it looks for; all that does not pass must be one of those below.
try_validate() {
	local said check line
	said=$(in_chroot "virt-host-validate qemu | cat") || return
	while read -r line; do echo "# $line"; done <<<"$said"
	for check in 'for hardware virtualization' 'if device /dev/'{kvm,vhost-net,net/tun}' exists' \
		'if device /dev/kvm is accessible' \
		"for cgroup '"{cpu,cpuacct,cpuset,memory,devices,blkio}"' controller support"; do
		grep -q "Checking $check *: PASS" <<<"$said" || {
			echo "mullion: no PASS for: $check" >&2
			return 1
		}
	done
	# The control VM sees no IOMMU, which is the core's, and there is no encrypted memory.
	! grep -vE ': PASS$|IOMMU support|secure guest support' <<<"$said"
}

try_capabilities() {
	in_chroot "virsh capabilities >/guests/tmp/capabilities" 240 || return
	core_http /guest/capabilities | xmllint --xpath \
		'//guest[os_type="hvm"]/arch[@name="x86_64"]/domain[@type="kvm"]' - >/dev/null || return
	core_control_shell "chroot /guests virsh domcapabilities --virttype kvm --machine q35 \
		>/guests/tmp/domain" 120 &&
		[ "$(core_http /guest/domain | xmllint --xpath 'string(/domainCapabilities/domain)' -)" = kvm ]
}

try_start() {
	in_chroot "/tmp/mullion create work --memory 256 --vcpus 2 --kernel /guest/vmlinuz \
		--initrd /guest/initrd --cmdline 'console=ttyS0 earlyprintk=serial'" 120 &&
		in_chroot "virsh dumpxml work" | grep -q "^<domain type='kvm'>" &&
		in_chroot "virsh start work" 240 && attach && linux_is_up 2 BIOS
}

# A word that is only in memory.
try_save() {
	guest_shell 'echo kept >/tmp/word' &&
		in_chroot "virsh managedsave work" 240 && guest_ended &&
		in_chroot "virsh start work" 240 && attach && [ "$(guest_shell 'cat /tmp/word')" = kept ]
}

# Without `split` there is no guest with parts missing, but a message.
try_whole() {
	local said
	said=$(in_chroot "qemu-system-x86_64 -accel kvm -M q35 -m 32 -nodefaults -display none 2>&1")
	[[ $said == *'Operation not supported'* ]] || {
		echo "mullion: QEMU with an interrupt controller that is not there says: $said" >&2
		return 1
	}
}

try_destroy() {
	in_chroot "virsh destroy work" && in_chroot "virsh undefine work" && guest_ended &&
		[ -z "$(in_chroot "virsh -q list --all" | tr -d '\n')" ] &&
		core_control_shell "test ! -e /guests/etc/libvirt/qemu/work.xml &&
			test -z \"\$(find /guests/sys/fs/cgroup -name '*work*')\" &&
			test -z \"\$(ls /guests/var/lib/libvirt/qemu/save)\" && ! pidof qemu-system-x86_64"
}

# With the module goes what it shows.
try_module() {
	core_control_shell "guest-libvirt stop && grep -q '^flags.* svm' /proc/cpuinfo &&
		rmmod mullion-kvm && ! grep -q '^flags.* svm' /proc/cpuinfo" 60
}

rig_images "$work/images" "$top/tests/core/guests/libvirt=/bin/guest-libvirt" \
	"$build/mullion=/bin/mullion" || die "no images"
guest_machine || die "no disk of guests"
tries=(validate capabilities start save destroy whole module)
[ "${1:-}" != linux ] || core_binary='' core_bare=control tries=("${tries[@]::5}")
core_boot || die "no machine"
guest_prepare || die "the control VM has no guests' disk"
core_control_shell "cp /bin/mullion /guests/tmp/ && guest-libvirt start" 240 || die "no libvirt"
for name in "${tries[@]}"; do
	"try_$name" || {
		guest_log | tail -n 60 | sed 's/^/# guest: /'
		core_control_shell "cat /guests/var/log/libvirt/qemu/work.log" | tail -n 20 | sed 's/^/# QEMU: /'
		core_control_shell "cat /guests/var/log/libvirt/libvirtd.log" | tail -n 20 | sed 's/^/# libvirt: /'
		die "$name"
	}
	ok "$name"
done
