# SPDX-License-Identifier: GPL-2.0-or-later
# Guests of Debian's QEMU in the control VM: a disk with both, a guest's serial line, QMP and screen.
# Sourced after rig.sh; one guest at a time. core_binary='' core_bare=control: the same on a bare
# Linux, for comparison.

"$top/scripts/core-images" --out "$core_images" --guests || die "no guests' disk"

guest_accel=${guest_accel:-kvm}

# guest_images DIR [FILE=PATH...]: images in that folder, with the control VM's part of this file.
guest_images() {
	local to=$1
	shift
	mkdir -p "$to" && cp "$core_images"/{vmlinuz,ui.initrd} "$to" &&
		rig_add "$core_images/control.initrd" "$to/control.initrd" \
			"$top/tests/core/guests/run=/bin/guest-run" "$@" || return
	core_images=$to
}

# guest_machine FILE...: for core_boot, a machine with the guests' disk as vda, and these, read-only,
# from vdb on.
guest_machine() {
	local file
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
	core_control_shell "guest-run start -accel $guest_accel $* &" || return
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
guest_has_line() { guest_log 2>/dev/null | grep -aqE -- "$1"; }
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
guest_answered() { core_http /guest/qmp 2>/dev/null | grep -q "\"id\": \"$1\".*}"; }
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
