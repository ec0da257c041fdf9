# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/core/attack-*.sh share. Sourced after rig.sh.

# More devices that do DMA as they are told, for an attack at several places at once.
attack_edus="08 09 0a 0b 0c 0d 0e"
attack_names="memory config msi dma call msr cpu ipi port decode"
# Of the machine's 5 GiB of addresses, a page in each 64 KiB (or what the caller wants: 4096 takes long).
attack_arguments="fine=0x140000000 step=${ATTACK_STEP:-65536}"

# attack_build: attack.ko and the program in $work/attack.
attack_build() {
	make -s -C "$top/linux" FROM="$top/tests/core/attack" O="$work/attack" \
		>"$work/attack.log" 2>&1 &&
		${CC:-gcc} -std=gnu11 -O2 -static -s -D_GNU_SOURCE -I"$top/include" \
			-o "$work/attack/attack" "$top/tests/core/attack/user.c" >>"$work/attack.log" 2>&1 || {
		cat "$work/attack.log"
		return 1
	}
}

# attack_hook NAME COMMAND: an executable of that name, in the background as a VM's init has other
# things to do.
attack_hook() {
	printf '#!/bin/sh\n{\n%s\n} &\n' "$2" >"$work/$1"
	chmod 755 "$work/$1"
}

# attack_run NAME...: what a hook does to run attacks of the module one after the other.
attack_run() {
	echo "attack user"
	echo "for name in $*; do"
	echo "	insmod /modules/attack.ko run=\$name $attack_arguments; rmmod attack"
	echo "done"
	echo 'echo "<1>attack: all done"'
}

# attack_machine ATTACKER: a machine on which the VM (ui or control) attacks and the other one watches
# its memory. The attacker has the edu devices.
attack_machine() {
	local attacker=$1 victim=control address lines="" image
	[ "$attacker" = ui ] || victim=ui
	core_extra=()
	for address in $attack_edus; do
		core_extra+=(-device "edu,addr=$address,dma_mask=0xffffffffffffffff")
		lines+="device = 00:$address.0\\n"
	done
	if [ "$attacker" = ui ]; then
		core_default_manifest | sed "s/^device = 00:$core_addr_edu.0/&\\n$lines/" >"$work/manifest"
	else
		core_default_manifest | sed "/^device = 00:$core_addr_edu.0/d" >"$work/manifest"
	fi
	attack_hook watch "attack canary 64 & echo \$! >/tmp/canary"
	image=$core_images
	rig_add "$image/$attacker.initrd" "$work/attacker.initrd" "$work/attack/attack=/bin/attack" \
		"$work/attack/attack.ko=/modules/attack.ko" "$work/begin" &&
		rig_add "$image/$victim.initrd" "$work/victim.initrd" "$work/attack/attack=/bin/attack" \
			"$work/watch" || return
	core_modules=(manifest="$work/manifest" vmlinuz="$image/vmlinuz"
		"$attacker.initrd=$work/attacker.initrd" "$victim.initrd=$work/victim.initrd")
}

attack_reports=/sys/kernel/debug/mullion
attack_debugfs="[ -d $attack_reports ] || mount -t debugfs none /sys/kernel/debug"
attack_bad='GOT THROUGH|canary CHANGED|warning 507|: error [0-9]+:|Kernel panic|Oops|BUG:'
attack_is_over() { core_has_line "attack: all done|$attack_bad"; }
# attack_judge ATTACKER NAME...: waits for the end; every attack has been made, nothing got through.
attack_judge() {
	local attacker=$1 name
	shift
	core_until 900 "the end of the attacks" attack_is_over || return
	if core_has_line "$attack_bad"; then
		core_log | grep -aE "$attack_bad" | head -n 5 >&2
		return 1
	fi
	for name in user "$@"; do
		core_has_line "\[$attacker\].*attack: $name done: [1-9][0-9]* tried, 0 got through" || {
			echo "mullion: no good end of the attack '$name'" >&2
			return 1
		}
	done
}

# attack_counter VM-NUMBER NAME: as the control VM is told.
attack_counter() {
	core_control_shell "$attack_debugfs; sed -n 's/^$1 $2 //p' $attack_reports/counters"
}
# attack_counted VM-NUMBER NAME...: all of them have grown.
attack_counted() {
	local vm=$1 name value
	shift
	for name in "$@"; do
		value=$(attack_counter "$vm" "$name") && [ "${value:-0}" -gt 0 ] || {
			echo "mullion: counter $name of VM $vm is '$value'" >&2
			return 1
		}
	done
}
