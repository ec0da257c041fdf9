#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the whole hosted session costs with two real guests that stand still, and what a compositor
# that stops for ten seconds does to the others. Run by `make bench` in the build directory.
#  - frames, wake-ups and CPU of our processes over ten seconds, beside QEMU's own in the same run
#  - memory of each head and QEMU before and after the stop, and whether the guest went on
set -u
. "${srcdir:-$(dirname "$0")/../..}/tests/system/rig.sh"

[ "$(id -u)" = 0 ] && LIBVIRT_DEFAULT_URI=qemu:///system || LIBVIRT_DEFAULT_URI=qemu:///session
export LIBVIRT_DEFAULT_URI
rig_memtest b-one
rig_memtest b-two
rig_desktop --output headless
wait_for 90 "the display" inject state >/dev/null || die "no display"
wait_for 60 "both heads" is '[.guests[] | select(.label | startswith("b-")) | select(.width > 0)] | length' 2 ||
	die "no pictures"

# Memtest86+ stands still in its menu.
for guest in b-one b-two; do
	id=$(guest_id $guest)
	mullion focus $guest >/dev/null || die "focus"
	wait_for 120 "the menu of $guest" memtest_menu_opens "$id" || die "no menu"
done

display=$(pgrep -P "$desktop" -f mullion-display)
control=$(pgrep -P "$desktop" -f mullion-control)
panel=$(pgrep -P "$desktop" -f mullion-panel)
heads=$(pgrep -P "$control" -f "guest ($(guest_id b-one)|$(guest_id b-two)) ")
qemus=$(pgrep -f 'guest=b-(one|two),')
[ -n "$display" ] && [ -n "$control" ] && [ -n "$panel" ] && [ "$(wc -w <<<"$heads $qemus")" = 4 ] ||
	die "not all processes are there: display $display, control $control, panel $panel," \
		"heads $heads, QEMUs $qemus"

# Each thread of some processes and its voluntary switches, which are its wake-ups.
wakeups() {
	local pid
	for pid in "$@"; do
		awk '/^voluntary/ {print FILENAME, $2}' /proc/"$pid"/task/*/status
	done
}
# wakeups_since BEFORE PID...: a thread that came meanwhile counts whole, one that ended not at all.
wakeups_since() {
	{
		echo "$1"
		echo then
		wakeups "${@:2}"
	} | awk '$1 == "then" {late = 1; next} !late {was[$1] = $2; next} {n += $2 - was[$1]}
		END {print n + 0}'
}
ticks() {
	local pid sum=0
	for pid in "$@"; do
		sum=$((sum + $(awk '{print $14 + $15}' /proc/"$pid"/stat)))
	done
	echo $sum
}
rss_kib() { awk '/^VmRSS/ {print $2}' /proc/"$1"/status; }
hz=$(getconf CLK_TCK)
percent() { awk "BEGIN {print $1 * 100 / $hz / 10}"; } # of a core, over ten seconds
line() { printf '%-62s %8s %-9s goal %5s  %s\n' "$@"; }
verdict() { awk -v v="$1" -v g="$2" 'BEGIN {print v <= g ? "met" : "MISSED"}'; }

# shellcheck disable=SC2086 # lists of pids
ours="$display $control $panel $heads"
frames=$(state .frames)
declare -A woke used
for group in display control panel heads qemus ours; do
	woke[$group]=$(wakeups ${!group})
	used[$group]=$(ticks ${!group})
done
sleep 10 # the length of the measurement
for group in display control panel heads qemus ours; do
	woke[$group]=$(wakeups_since "${woke[$group]}" ${!group})
	used[$group]=$(($(ticks ${!group}) - used[$group]))
done
frames=$(($(state .frames) - frames))
for group in display control panel heads qemus; do
	printf '  (%s: %.1f wake-ups a second, %.2f %% of a core)\n' $group \
		"$(awk "BEGIN {print ${woke[$group]} / 10}")" "$(percent "${used[$group]}")"
done
share=$(percent "${used[ours]}")
line "frames in 10 s with two static guests" $frames frames 0 "$(verdict $frames 0)"
line "CPU of all our processes with two static guests" "$share" "% of core" 1 "$(verdict "$share" 1)"

# Memtest86+ leaves its menu, goes on testing and draws all the time.
for guest in b-one b-two; do
	mullion focus $guest >/dev/null && wait_for 5 "focus" is .focused "$(guest_id $guest)" &&
		tap $KEY_F10 && tap $KEY_F10
done
id=$(guest_id b-two)
wait_for 20 "the test goes on" hash_is_not "$id" "$(picture_hash "$id")" || die "a guest stands still"
# The guests' own memory becomes resident as they test it; what grows after that is not theirs.
memory_rests() {
	local before
	before=$(for pid in $qemus; do rss_kib "$pid"; done)
	sleep 2 # the length of the look
	[ "$before" = "$(for pid in $qemus; do rss_kib "$pid"; done)" ]
}
wait_for 120 "the guests' memory is resident" memory_rests || die "QEMU goes on growing by itself"
declare -A before
for pid in $heads $qemus; do before[$pid]=$(rss_kib "$pid"); done
kill -STOP "$display"
virsh -q screenshot b-two "$work/1.ppm" >/dev/null
sleep 10 # the stop that is measured
virsh -q screenshot b-two "$work/2.ppm" >/dev/null
most=0
for pid in $heads $qemus; do
	grown=$(($(rss_kib "$pid") - before[$pid]))
	[ $grown -le $most ] || most=$grown
done
kill -CONT "$display"
cmp -s "$work/1.ppm" "$work/2.ppm" && went_on=0 || went_on=1
line "most that a head or QEMU grew while the display stood 10 s" $most KiB 4096 "$(verdict $most 4096)"
line "guests that stood still meanwhile" $((1 - went_on)) guests 0 "$(verdict $((1 - went_on)) 0)"
now=$(picture_hash "$id")
wait_for 10 "the picture goes on" hash_is_not "$id" "$now" || die "the display did not come back"
