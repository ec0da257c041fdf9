#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's QEMU, unmodified, runs guests on the core, in the control VM: kernels, firmware, an
# installer, a memory test, a boot loader; a guest is saved and restored. With names as arguments:
# only these, or memtest32, which is not among them.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/scripts/lib/core-guests.sh"
guest_accel=kvm,kernel-irqchip=split
linux="-kernel /guest/vmlinuz -initrd /guest/initrd -append 'console=ttyS0 earlyprintk=serial'"

# A disc of GRUB's: a line that says which GRUB, then the same kernel.
make_disc() {
	local tree=$work/disc
	mkdir -p "$tree/boot/grub" && cp "$core_images/vmlinuz" "$tree/boot/" &&
		cp "$build/core-images/guest.initrd" "$tree/boot/" || return
	cat >"$tree/boot/grub/grub.cfg" <<-'END'
		serial --unit=0 --speed=115200
		terminal_output console serial
		echo "disc: GRUB $grub_platform"
		linux /boot/vmlinuz console=ttyS0 from=disc
		initrd /boot/guest.initrd
		boot
	END
	grub-mkrescue -o "$1" --install-modules="linux serial terminal iso9660 part_msdos part_gpt normal \
		configfile echo boot" --modules="" --locales="" --fonts="" --themes="" --compress=no "$tree" \
		>"$work/disc.log" 2>&1 || {
		cat "$work/disc.log"
		return 1
	}
}

# QEMU misses nothing that it asks for by itself.
try_linux() {
	guest_start -M q35 -m 256 -vga none "$linux" && linux_is_up 1 BIOS &&
		[ -z "$(core_http /guest/qemu)" ]
}
# Each CPU takes a process, which says where it is; they have waited for one of the two real ones.
# shellcheck disable=SC2016
try_smp() {
	guest_start -M q35 -m 512 -smp 4 -vga none "$linux" && linux_is_up 4 BIOS &&
		[ "$(guest_shell 'for i in 1 2 4 8; do taskset $i awk "{ print \$39 }" /proc/self/stat; done' |
			tr '\n' ' ')" = "0 1 2 3 " ] &&
		[ "$(guest_shell "awk '/^cpu / { print \$9 }' /proc/stat")" -gt 0 ]
}
try_ovmf() {
	core_control_shell 'cp /guests/usr/share/OVMF/OVMF_VARS_4M.fd /guests/tmp/vars.fd' || return
	guest_start -M q35 -m 512 -vga none \
		-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
		-drive if=pflash,format=raw,file=/tmp/vars.fd "$linux" && linux_is_up 1 UEFI
}
try_disc() {
	guest_start -M pc -m 256 -vga none -drive if=ide,media=cdrom,format=raw,readonly=on,file=/dev/vdb &&
		guest_wait_line 'disc: GRUB pc' 200 && linux_is_up 1 BIOS &&
		[ "$(guest_shell 'grep -o from=disc /proc/cmdline')" = from=disc ]
}
# A kernel that is told of no hypervisor, and so looks for the CPU's counters, which guests do not have.
# Its look at the PIT against the clock, which is at chance when emulated, is left out.
try_plain() {
	guest_start -M q35 -m 256 -cpu max,kvm=off,-hypervisor -vga none "${linux/console=/no_timer_check console=}" &&
		guest_wait_line 'guest: ready' 400 &&
		guest_has_line 'guest: 1 CPUs, (tsc|tsc-early|hpet|acpi_pm), BIOS, $' &&
		[ "$(guest_log | grep -a 'guest: kernel says' | grep -cv 'perfctr msr')" = 0 ]
}
# One pass over all that there is, in 64 bits; in 32 with PAE.
try_memtest() { memtest_passes memtest; }
try_memtest32() { memtest_passes memtest32; }
memtest_passes() {
	guest_start -M pc -m 24 -vga std -kernel "/guest/$1" -append "'console=ttyS0,115200 nosmp'" &&
		guest_wait_line 'Memtest86' 120 && guest_wait_line 'Pass: *1 ' 1200 &&
		guest_has_line 'Pass: *1 *Errors: 0 ' && ! guest_has_line 'Errors: *[1-9]'
}

try_installer() {
	installer_start && guest_until 900 "first screen of the installer" installer_selects English &&
		guest_qmp send-key '{"keys": [{"type": "qcode", "data": "down"}]}' >/dev/null &&
		guest_until 120 "next line selected" installer_selects Esperanto
}

# A word that is only in memory, before and after; in between the guest was something else.
try_snapshot() {
	core_control_shell 'chroot /guests qemu-img create -q -f qcow2 /tmp/state.qcow2 64M' || return
	guest_start -M q35 -m 256 -vga none -drive if=virtio,file=/tmp/state.qcow2 "$linux" &&
		linux_is_up 1 BIOS &&
		guest_shell 'echo before >/tmp/word' && guest_monitor 'savevm one' &&
		guest_shell 'echo after >/tmp/word' && [ "$(guest_shell 'cat /tmp/word')" = after ] &&
		guest_monitor 'loadvm one' && [ "$(guest_shell 'cat /tmp/word')" = before ]
}

# Through a network card and its interrupts, which are messages of QEMU's own.
try_net() {
	local sum
	sum=$(core_control_shell 'head -c 4000000 /dev/urandom >/guests/tmp/much; md5sum </guests/tmp/much') &&
		guest_start -M q35 -m 256 -smp 2 -vga none -netdev user,id=net \
			-device virtio-net-pci,netdev=net,romfile= "$linux" &&
		linux_is_up 2 BIOS &&
		guest_shell 'ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0' &&
		[ "$(guest_shell 'wget -qO- http://10.0.2.2/guest/much | md5sum' 120)" = "$sum" ] &&
		[ "$(guest_shell "awk '/virtio.*-input/ { print \$2 + \$3 }' /proc/interrupts")" -gt 0 ]
}

# As Windows does: by Hyper-V's leaves, where KVM's are not seen.
hyperv=kvm=off,hv_relaxed,hv_time,hv_vapic,hv_vpindex,hv_frequencies
# shellcheck disable=SC2016 # words for the guest's shell
# hyperv_is_up MODE: of the APICs. The kernel went by what it found, and its clock goes as the counter.
hyperv_is_up() {
	guest_wait_line 'guest: ready' 400 &&
		guest_has_line 'guest: 2 CPUs, hyperv_clocksource_tsc_page, BIOS, Microsoft Hyper-V' &&
		! guest_has_line 'guest: kernel says' &&
		guest_has_line 'Hyper-V: LAPIC Timer Frequency: 0x3d0900$' && # 1 GHz, 250 times a second
		guest_has_line "Hyper-V: Using enlightened APIC \($1 mode\)" &&
		[ "$(guest_shell 'grep -c tsc_known_freq /proc/cpuinfo')" = 2 ] &&
		[ "$(guest_shell 'for at in "0 02" "1 02" "1 80"; do hyperv msr ${at% *} 0x400000${at#* }; done' |
			tr -s ' \n' ' ')" = ' 0 1 ' ] &&
		hyperv_agrees "$(guest_shell 'hyperv time')" "$(guest_shell 'hyperv time')"
}
# hyperv_agrees EARLIER LATER: so much as the one goes forward, the other does.
hyperv_agrees() {
	awk '{ before[NR] = $1; counter[NR] = $2; after[NR] = $3 }
		END {
			went = counter[2] - counter[1]
			exit !(before[2] > after[1] && after[1] > 0 && before[2] - after[1] <= went &&
				went <= after[2] - before[1])
		}' <<<"$1"$'\n'"$2" && return
	echo "mullion: clock, counter, clock: $1, then $2" >&2
	return 1
}
try_hyperv() {
	local time
	core_control_shell 'chroot /guests qemu-img create -q -f qcow2 /tmp/state.qcow2 64M' || return
	guest_start -M q35 -m 256 -smp 2 -cpu "max,$hyperv" -vga none \
		-drive if=virtio,file=/tmp/state.qcow2 "$linux" && hyperv_is_up x2apic &&
		time=$(guest_shell 'hyperv time') && guest_monitor 'savevm one' &&
		hyperv_agrees "$time" "$(guest_shell 'hyperv time')" && guest_monitor 'loadvm one' &&
		hyperv_agrees "$time" "$(guest_shell 'hyperv time')" && guest_end || return
	guest_start -M q35 -m 256 -smp 2 -cpu "host,-x2apic,$hyperv" -vga none "$linux" &&
		hyperv_is_up xapic
}

guest_machine "$work/disc.iso" || die "no disk of guests"
make_disc "$work/disc.iso" || die "no disc"
core_boot || die "no machine"
guest_prepare || die "the control VM has no guests' disk"
[ $# -gt 0 ] || set -- linux plain smp ovmf disc memtest installer snapshot hyperv net
for name; do
	"try_$name" || {
		guest_log | tail -n 60 | sed 's/^/# guest: /'
		core_http /guest/qemu | sed 's/^/# its QEMU: /'
		die "$name"
	}
	guest_end || die "$name's QEMU does not end"
	ok "$name"
done
