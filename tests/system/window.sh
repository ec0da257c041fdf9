#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole hosted product in a window: Xvfb, real X key events, a real guest.
# Protects: keys pressed in the window change the guest's picture in the window; a chord shows the
# panel and its keys reach nobody; a guest that is killed gives the focus back and says so; a lost
# X server ends the desktop with a message and costs the guest nothing.
set -u
. "${srcdir:-$(dirname "$0")/../..}/tests/system/rig.sh"

guest=t-window
xvfb=
trap '[ -z "$xvfb" ] || kill "$xvfb" 2>/dev/null; rig_end' EXIT

# The timeline so far: lines are whole objects, whatever the array around them.
events() { sed -n 's/,$//; /^{/p' "$work/timeline.json" | jq -c "$1"; }
seen() { [ -n "$(events "select($1)")" ]; }
newest() { [ "$(events "select($1) | $2" | tail -n 1)" = "$3" ]; }
# The middle of Memtest86+'s picture in the window, where its menu opens.
middle() { import -window root -crop 200x100+540+300 +repage png:- | convert - -format '%#' info:; }
middle_is_not() { [ "$(middle)" != "$1" ]; }
middle_rests() {
	local first
	first=$(middle)
	sleep 1 # the length of the look
	[ "$(middle)" = "$first" ]
}

rig_memtest $guest
slot=$(mullion show --json $guest | jq -r .slot)
id=$(mullion show --json $guest | jq -r .id)

Xvfb -displayfd 3 -screen 0 1280x900x24 3>"$work/display" 2>/dev/null &
xvfb=$!
wait_for 20 "Xvfb is up" test -s "$work/display" || die "Xvfb"
DISPLAY=:$(cat "$work/display")
export DISPLAY
rig_desktop --output sdl -- --timeline "$work/timeline.json"
wait_for 60 "the window" xwininfo -name Mullion >/dev/null || die "no window came up"
wait_for 60 "the guest's frames" seen ".event == \"source-frame\" and .guest == \"$id\"" ||
	die "the guest has no picture"

xdotool key "ctrl+alt+$slot"
wait_for 10 "the switch" newest '.event == "switch"' .to "\"$id\"" || die "no switch to the guest"
ok "Ctrl+Alt+$slot in the window shows the guest"

menu_opens() {
	local before
	before=$(middle)
	xdotool key F1
	wait_for 5 "the menu" middle_is_not "$before" && middle_rests
}
wait_for 120 "Memtest86+'s menu" menu_opens || die "F1 changes nothing in the window"
ok "a key pressed in the window opens the guest's menu in the window"

xdotool key ctrl+alt+0
wait_for 10 "the switch back" newest '.event == "switch"' .to '""' || die "no switch to the panel"
seen ".event == \"route-key\" and (.code == 29 or .code == 56)" &&
	die "a chord's keys reached somebody"
ok "Ctrl+Alt+0 shows the panel and its keys reach nobody"

down=$(events 'select(.event == "route-key" and .down)' | wc -l)
up=$(events 'select(.event == "route-key" and (.down | not))' | wc -l)
[ "$down" -gt 0 ] && [ "$down" = "$up" ] || die "$down keys went down, $up came up"
ok "every key that went down came up"

xdotool key "ctrl+alt+$slot"
wait_for 10 "the switch" newest '.event == "switch"' .to "\"$id\"" || die "no second switch"
pkill -9 -f "guest=$guest," || die "no QEMU to kill"
wait_for 20 "focus returns" newest '.event == "switch"' .to '""' || die "focus stayed on a dead guest"
ok "a guest whose QEMU is killed gives the focus back to the panel"

mullion start $guest || die "the killed guest does not start again"
kill $xvfb
xvfb=
wait "$desktop"
status=$?
desktop=
[ $status -ne 0 ] || die "the desktop ended with 0 though its X server is gone"
grep -q "X server is gone" "$work/desktop.log" || die "no message about the X server"
[ "$(mullion show --json $guest | jq -r .state)" = running ] || die "the guest did not survive"
ok "a lost X server ends the desktop with a message and leaves the guest running"
