# SPDX-License-Identifier: GPL-2.0-or-later
# Guests of Debian's QEMU in the control VM: a disk with both, a guest's serial line, QMP and screen.
# Sourced after core.sh; one guest at a time. core_binary='' core_bare=control: the same on a bare
# Linux, for comparison.

guest_accel=${guest_accel:-kvm}

# guest_machine [FILE...]: for core_boot, a machine with the guests' disk as vda, and these, read-only,
# from vdb on. Builds the disk if it has to.
# shellcheck disable=SC2120 # most have no more disks
guest_machine() {
	local file
	"$top/scripts/core-images" --out "$build/core-images" --guests || return
	core_memory=6G
	core_extra=()
	for file in "$build/core-images/guests.disk" "$@"; do
		core_extra+=(-drive "if=none,id=vd${#core_extra[@]},format=raw,readonly=on,file=$file"
			-device "virtio-blk-pci,drive=vd${#core_extra[@]},iommu_platform=on,disable-legacy=on")
	done
}

# guest_prepare: waits for the control VM, and makes it ready for guests.
guest_prepare() {
	core_wait_line 'control: ready' 240 && core_control_shell "guest-run prepare" 60
}

# guest_start QEMU-OPTION...: the words are the control VM's shell's.
guest_start() {
	core_control_shell "guest-run start -accel $guest_accel $*" || return
	guest_qmp qmp_capabilities >/dev/null
}
guest_ended() { core_http /guest/ended >/dev/null 2>&1; }
# guest_until SECONDS WHAT COMMAND...: as core_until, but fails at once when the guest's QEMU has ended.
guest_until() {
	local seconds=$1 what=$2
	shift 2
	core_until "$seconds" "$what" guest_look "$@" && "$@" || {
		echo "mullion: no $what; the guest's QEMU said:" >&2
		core_http /guest/qemu | tail -n 20 >&2
		return 1
	}
}
guest_look() { "$@" || guest_ended; }

guest_log() { core_http /guest/serial | tr -d '\r\000' | sed 's/\x1b[[(][0-9;?]*[A-Za-z]//g'; }
# (To the end, without -q: what grep does not read would be an error of who writes it.)
guest_has_line() { guest_log 2>/dev/null | grep -aE -- "$1" >/dev/null; }
# guest_wait_line PATTERN [SECONDS]: of its serial line.
guest_wait_line() { guest_until "${2:-120}" "line of the guest with '$1'" guest_has_line "$1"; }

# guest_qmp COMMAND [ARGUMENTS]: prints what it returns.
guest_qmp() {
	local answer id request
	id=$(core_unique)
	request=$(jq -cn --arg command "$1" --argjson arguments "${2:-{\}}" --arg id "$id" \
		'{execute: $command, arguments: $arguments, id: $id}') || return
	core_control_shell "echo '$request' >/guests/tmp/qmp.in" || return
	guest_until "${guest_patience:-60}" "answer to $1" guest_answered "$id" || return
	answer=$(core_http /guest/qmp | jq -c --arg id "$id" 'select(.id == $id)')
	[ "$(jq 'has("error")' <<<"$answer")" = false ] || {
		echo "mullion: the guest's QEMU refuses $1: $(jq -r .error.desc <<<"$answer")" >&2
		return 1
	}
	jq -r .return <<<"$answer"
}
guest_answered() { core_http /guest/qmp 2>/dev/null | grep "\"id\": \"$1\".*}" >/dev/null; }
guest_monitor() {
	guest_qmp human-monitor-command "$(jq -cn --arg line "$1" '{"command-line": $line}')"
}

# guest_shell COMMAND [SECONDS]: typed on the guest's serial line; prints what it prints.
guest_shell() {
	local mark
	mark=$(core_unique)
	# The quotes keep the echo of what is typed from looking like the answer.
	core_control_shell "echo $(jq -rn --arg line "echo '$mark'-begin; $1; echo '$mark'-end" '$line | @sh') \
		>/guests/tmp/serial.in" || return
	guest_wait_line "^$mark-end" "${2:-60}" || return
	guest_log | sed -n "/^$mark-begin/,/^$mark-end/p" | sed '1d;$d'
}

# shellcheck disable=SC2016 # words for the guest's shell
# linux_is_up CPUS FIRMWARE: it says so, works, and has found nothing wrong.
linux_is_up() {
	guest_wait_line 'guest: ready' 400 &&
		guest_has_line "guest: $1 CPUs, kvm-clock, $2, KVM" && ! guest_has_line 'guest: kernel says' &&
		[ "$(guest_shell 'nproc; wc -l </proc/modules; echo $((6 * 7))' 60 | tail -n 1)" = 42 ]
}

# guest_screenshot FILE.png
guest_screenshot() {
	guest_qmp screendump '{"filename": "/tmp/screen.png", "format": "png"}' >/dev/null &&
		core_http /guest/screen.png >"$1"
}

# guest_end: QEMU's, if it still runs.
guest_end() {
	guest_ended && return
	guest_qmp quit >/dev/null
	guest_until 60 "end of the guest's QEMU" guest_ended
}

# Debian's graphical installer.
installer_start() {
	guest_start -M q35 -m 1024 -vga std -kernel /guest/installer -initrd /guest/installer.initrd.gz \
		-append "'vga=788'"
}
# The list of languages: banner, ground, list, and the selected line.
installer_selects() { # installer_selects English|Esperanto [FILE.png]
	local picture=${2:-$work/installer.png} want=("2[0-9a-f]8[0-9a-f]7[0-9a-f]" ffffff)
	[ "$1" = English ] || want=("${want[1]}" "${want[0]}")
	guest_screenshot "$picture" &&
		[[ $(pixels "$picture" 20,20 640,150 900,300 900,454 900,477) =~ \
			^0[0-9a-f]{5}\ ede9e3\ ffffff\ ${want[0]}\ ${want[1]}$ ]]
}
