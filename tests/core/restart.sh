#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The UI VM is killed 50 times in a row, in turn by a reboot, a panic, a triple fault and a hang, with
# its devices running; each time it comes back, at the end with working devices. Meanwhile the control
# VM keeps a TCP stream and its disk without a gap. Then the control VM panics: the machine says so,
# restarts, and the next boot shows the record.
. "${srcdir:-.}/tests/core/rig.sh"
kills=${MULLION_RESTARTS:-50}

cat >"$work/kill" <<-END
	#!/bin/sh
	# How often this VM was started before: the core counts.
	n=\$(awk '\$3 == "ui" { print \$NF }' /sys/kernel/debug/mullion/vms)
	echo "<1>kill: start \$n"
	[ "\$n" -lt $kills ] || exit 0
	case \$((n % 4)) in
	0) reboot -f ;;
	1) echo c >/proc/sysrq-trigger ;;
	2)
		echo triple >/sys/kernel/reboot/type
		reboot -f
		;;
	3) # Its watchdog is armed, then nobody feeds it, and both CPUs spin.
		watchdog -t 1 -T 2 /dev/watchdog0
		killall -STOP watchdog
		while :; do :; done &
		while :; do :; done
		;;
	esac
END
cat >"$work/stream" <<-'END'
	#!/bin/sh
	# /cgi-bin/stream: a number each tenth of a second, for ever, on the disk before it is told.
	printf 'Content-Type: text/plain\r\n\r\n'
	n=0
	while :; do
		echo $n >>/disk/stream && sync || exit
		echo $n
		n=$((n + 1))
		usleep 100000
	done
END
chmod +x "$work/kill" "$work/stream"
rig_add "$core_images/ui.initrd" "$work/ui.initrd" "$work/kill"
rig_add "$core_images/control.initrd" "$work/control.initrd" "$work/stream=/www/cgi-bin/stream"
# What the UI VM's kernel says fifty times over a serial line is a third of its boot.
core_ui_cmdline="console=ttyS0 loglevel=2 panic=-1"
core_default_manifest | sed 's/^kind = ui/&\nrestarts = 0/' >"$work/manifest"
core_manifest=$work/manifest
core_modules=(manifest="$work/manifest" vmlinuz="$core_images/vmlinuz" ui.initrd="$work/ui.initrd"
	control.initrd="$work/control.initrd")

core_args=panic=30 # seconds, for a look at the picture
core_boot || die "no machine"
core_wait_line 'control: ready' 240 || die "the control VM is not ready"
curl -sSN "http://$core_http_at/cgi-bin/stream" >"$work/stream.out" 2>"$work/stream.err" &
stream=$!
core_wait_line "kill: start $kills\$" $((kills * 90)) || die "the UI VM did not come back"
restarts() { core_log | grep -acE "core: warning 507: .*$1"; }
for reason in 'a reset it asked for' 'a panic of its kernel' 'a triple fault' 'its watchdog'; do
	[ "$(restarts "because of $reason")" -ge $((kills / 4)) ] || die "not enough: $reason"
done
[ "$(restarts '')" = "$kills" ] || die "$(restarts '') restarts, not $kills"
ok "the UI VM came back $kills times from reboot, panic, triple fault and hang"

core_steps_ui || die "its devices do not work any more"
ok "its display, keyboards and pointers work after the last"

# grows: the stream goes on now.
more_lines() { [ "$(wc -l <"$work/stream.out")" -gt "$1" ]; }
core_until 60 "the stream to go on" more_lines "$(wc -l <"$work/stream.out")" || die "the stream"
kill $stream 2>/dev/null
wait $stream 2>/dev/null
count=$(wc -l <"$work/stream.out")
head -n "$count" "$work/stream.out" | cmp - <(seq 0 $((count - 1))) || die "the stream has gaps"
[ "$(core_control_shell "head -n $count /disk/stream | md5sum | cut -c 1-32")" = \
	"$(seq 0 $((count - 1)) | md5sum | cut -c 1-32)" ] || die "writes are missing"
ok "the control VM's stream of $count numbers and their writes have no gap"

core_set_mark
core_control_shell 'echo c >/proc/sysrq-trigger' 1 2>/dev/null
core_error='nothing' # the error is what is waited for
core_wait_line 'core: error 401: .*a panic of its kernel' 60 || die "the machine says nothing"
core_wait_line 'core: The machine restarts' 60 && core_screenshot "$out/crash.png" &&
	[ "$(pixels "$out/crash.png" 5,700)" = 8a1014 ] ||
	die "the screen does not say so: not the colour of a panic"
core_wait_line 'Mullion core .* starts at' 120 || die "the machine does not restart"
core_wait_line 'core: warning 506: .*error 401' 60 || die "there is no record of it"
core_wait_line 'control: ready' 240 || die "the control VM does not come back"
ok "a control VM that dies is told of, recorded, and the machine restarts"
