#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the core costs, measured now in the emulated machine; run by `make bench` in the build
# directory. Fails when something could not be measured, not when a goal is missed.
#  - instructions of exits, by a VM of ours (tests/core/guests) under -icount shift=0
#  - the same of a guest of Debian's QEMU, on the core and on Linux' own KVM
#  - kernel start to init of the UI VM over the same kernel and initrd without the core
#  - sizes: image, memory, lines
set -u
. "${srcdir:-$(dirname "$0")/../..}/tests/core/rig.sh"
. "$top/scripts/lib/core-guests.sh"

# line FIGURE VALUE UNIT [GOAL]
line() {
	local verdict=
	if [ -n "${4:-}" ]; then
		verdict=$(awk -v v="$2" -v g="$4" 'BEGIN {print v <= g ? "met" : "MISSED"}')
		printf '%-58s %8s %-12s goal %6s  %s\n' "$1" "$2" "$3" "$4" "$verdict"
	else
		printf '%-58s %8s %s\n' "$1" "$2" "$3"
	fi
}

# A VM of ours that measures, and one that is halted; nothing else runs.
cat >"$work/exits.manifest" <<-END
	[vm ui]
	kind = ui
	kernel = exits
	memory = 64M
	vcpus = all

	[vm control]
	kind = control
	kernel = exits
	cmdline = role=halt
	vcpus = all
END
figure() { core_log | sed -n "s/.*\[ui\] exits: $1 \([0-9]*\)$/\1/p" | head -n 1; }
measure_exits() {
	local core_accel=tcg,thread=single core_cpus=1 core_extra=(-icount "shift=0,sleep=off")
	local core_modules=(manifest="$work/exits.manifest" exits="$build/tests/core/guests/exits")
	local ticks
	rig_new
	{ core_boot && core_wait_line '\[ui\] exits: end' 120; } || die "the guest that measures exits"
	ticks=$(figure ticks-per-1000)
	[ "$ticks" = 1000 ] || die "1000 instructions are $ticks ticks of the TSC, so nothing is counted"
	line "CPUID, leaf 0 (Linux KVM 6.1: 3009)" "$(figure cpuid)" instructions 400
	line "self-IPI by x2APIC: WRMSR to the handler's first one" "$(figure self-ipi)" instructions 400
	line "the same, with the handler's EOI, which is an exit too" "$(figure self-ipi-eoi)" instructions
	line "CPUID, leaf 1" "$(figure cpuid-1)" instructions
	line "x2APIC register read, RDMSR" "$(figure x2apic-read)" instructions
	line "x2APIC register write, WRMSR" "$(figure x2apic-write)" instructions
	line "hypercall QUERY" "$(figure query)" instructions
	line "port read, of the UART in the core" "$(figure port-read)" instructions
	line "MMIO read, xAPIC page" "$(figure xapic-read)" instructions
	line "MMIO read, IOAPIC" "$(figure ioapic-read)" instructions
	line "TSC deadline to the handler, out of HLT" "$(figure hlt-deadline)" instructions
}

# boot: sets boot_seconds, from the kernel's first line to init's, by this host's clock.
boot() {
	rig_new
	core_boot || die "QEMU"
	tail -s 0.02 --pid="$core_qemu" -n +1 -f "$core_dir/core.log" | while read -r text; do
		case $text in
		*"Linux version "*) first=$EPOCHREALTIME ;;
		*"ui: init after "*) echo "$first $EPOCHREALTIME" >"$core_dir/times" ;;
		esac
	done >/dev/null &
	core_until 90 "init of the UI VM's image" test -s "$core_dir/times" || die "boot"
	boot_seconds=$(awk '{printf "%.1f", $2 - $1}' "$core_dir/times")
}
# The faster of two each, in turns, as other work on this host only ever slows down.
frames='' tables='' # in use with both VMs there
measure_boot() {
	local core=$core_binary turn bare_best=999 core_best=999 core_manifest="$work/boot.manifest"
	local core_modules=(manifest="$work/boot.manifest" exits="$build/tests/core/guests/exits"
		vmlinuz="$core_images/vmlinuz" ui.initrd="$core_images/ui.initrd")
	core_default_manifest | sed -e '/^\[vm control\]/,$d' >"$work/boot.manifest"
	sed -n '/^\[vm control\]/,$p' "$work/exits.manifest" >>"$work/boot.manifest"
	for turn in bare core bare core; do
		[ $turn = bare ] && core_binary='' core_args=mem=512M || core_binary=$core core_args=''
		boot
		[ $turn = bare ] && bare_best=$(least "$boot_seconds" "$bare_best") ||
			core_best=$(least "$boot_seconds" "$core_best")
	done
	core_binary=$core core_args=''
	read -r frames tables < <(core_log | sed -n \
		's/.*the core uses .* in \([0-9]*\) frames, \([0-9]*\) of them page tables$/\1 \2/p')
	line "kernel start to init without the core" "$bare_best" seconds
	line "the same kernel and initrd as the UI VM" "$core_best" seconds
	line "the latter over the former (Linux KVM: 2.6)" "$(awk "BEGIN {printf \"%.2f\", $core_best / $bare_best}")" "" 1.5
}
least() { awk -v a="$1" -v b="$2" 'BEGIN {print a < b ? a : b}'; }

# exits_of core|kvm: what exits of a guest of QEMU's cost there, and its kernel's way to init, to
# $work/exits.core or .kvm. On the core nothing else runs; kvm is Linux' own, without the core.
exits_of() {
	local core_accel=tcg,thread=single core_cpus=1 core_images=$core_images core_binary=$core_binary
	local core_bare=control core_manifest="$work/exits.guests" core_extra=() core_memory=$core_memory
	local guest_accel=kvm,kernel-irqchip=split core_modules=()
	rig_images "$work/images" "$build/tests/core/guests/exits.multiboot=/exits" || die "no images"
	if [ "$1" = core ]; then
		core_default_manifest | sed -n '/^\[vm control\]/,$p' >"$work/exits.guests"
		sed '/^$/,$d' "$work/exits.manifest" | sed 's/^kernel.*/&\ncmdline = role=halt/' >>"$work/exits.guests"
		core_modules=(manifest="$work/exits.guests" exits="$build/tests/core/guests/exits"
			vmlinuz="$core_images/vmlinuz" control.initrd="$core_images/control.initrd")
	else
		core_binary=
	fi
	rig_new
	guest_machine || die "no disk of guests"
	core_extra+=(-icount "shift=0,sleep=off")
	core_boot && guest_prepare && core_control_shell 'mv /exits /guests/tmp/' || die "a machine for guests, $1"
	guest_start -M q35 -m 64 -cpu host -vga none -device pci-testdev -kernel /tmp/exits &&
		core_control_shell "guest-run wait 'exits: end'" 600 && guest_log >"$work/exits.$1" ||
		die "a guest that measures exits, $1"
	guest_end || die "the guest's end"
	guest_start -M q35 -m 256 -vga none -kernel /guest/vmlinuz -initrd /guest/initrd \
		-append console=ttyS0 && core_control_shell "guest-run wait 'guest: ready'" 600 &&
		guest_log | sed -n 's/.*guest: init after \([0-9.]*\) seconds.*/exits: init \1/p' \
			>>"$work/exits.$1" || die "a guest's kernel, $1"
	guest_end || die "the guest's end"
}
# guest_figure core|kvm NAME
guest_figure() { sed -n "s/^exits: $2 \([0-9.]*\)$/\1/p" "$work/exits.$1"; }
measure_guests() {
	local name what goal unit core kvm
	exits_of core
	exits_of kvm
	while read -r name goal what; do
		core=$(guest_figure core "$name") kvm=$(guest_figure kvm "$name")
		[ "$name" = init ] && unit=seconds || unit=instructions
		line "guest: $what (Linux KVM: $kvm)" "$core" "$unit"
		line "  over Linux KVM's" "$(awk "BEGIN { printf \"%.2f\", $core / $kvm }")" "" "$goal"
	done <<-END
		cpuid 0.25 CPUID, leaf 0
		x2apic-read 0.25 MSR, of the x2APIC, read
		x2apic-write 0.25 the same, written
		self-ipi 0.25 self-IPI to the handler's first one
		hlt-deadline 1.2 HLT, woken by the TSC deadline
		hlt-deadline-long 1.2 the same after 5 million
		port-write 1.2 port write, to QEMU
		memory-write 1.2 MMIO write, to QEMU
		ioapic-read 1.2 MMIO read, IOAPIC in QEMU
		port-kick 1.2 ioeventfd, by port
		memory-kick 1.2 ioeventfd, by MMIO
		init 0.8 seconds from a kernel's start to init
	END
}

# code_lines FILE...: the compiler drops comments; what has anything left is a line of code.
code_lines() {
	local file
	for file in "$@"; do gcc -fpreprocessed -dD -E -P "$file" 2>/dev/null; done | grep -c '[^[:space:]]'
}
measure_sizes() {
	local text data bss total code headers largest name many
	read -r text data bss _ < <(size "$core_binary" | tail -n 1)
	line "the core's text and data" $(((text + data + 1023) / 1024)) KiB 256
	line "its variables without a value" $(((bss + 1023) / 1024)) KiB
	total=$(cat "$top"/hypervisor/*/*.[ch] "$top"/hypervisor/*/*.S | wc -l)
	line "memory at run time with image, without page tables" \
		$(((frames - tables) * 4 + (text + data + bss + 1023) / 1024)) KiB 4096
	line "page tables, with those of IOMMUs" $((tables * 4)) KiB
	headers=$(code_lines "$top"/hypervisor/*/*.h)
	code=$(code_lines "$top"/hypervisor/*/*.[ch])
	line "lines of C in hypervisor/, without blanks and comments" "$code" lines 10000
	line "of these in headers" "$headers" lines
	line "with them, and with assembly" "$total" lines
	read -r largest name < <(wc -l "$top"/hypervisor/*/*.[chS] | sort -n | tail -n 2 | head -n 1)
	line "largest file, ${name#"$top"/}" "$largest" lines
	many=$(wc -l "$top"/hypervisor/*/*.[chS] | awk '$1 > 600 && $2 != "total"' | wc -l)
	line "files over 600 lines" "$many" files 0
}

measure_exits
measure_boot
measure_guests
measure_sizes
