#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `mullion desktop` as a supervisor: the real display on its headless output, a stand-in for the
# control daemon and for the panel. No guest is touched.
# Protects: the session is as long as the display's life; a program that dies is started again, but
# not for ever; nothing of a session outlives it.
set -u
build=$PWD
work=$(mktemp -d)
export MULLION_RUNTIME_DIR=$work/run MULLION_LIBEXECDIR=$work/lib WORK=$work
export XDG_CONFIG_HOME=$work/config
failures=0 desktop=
cleanup() {
	[ -z "$desktop" ] || kill -9 "$desktop" 2>/dev/null
	for pid in $(cat "$work"/*.pids 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
	rm -rf "$work"
}
trap cleanup EXIT

mkdir "$work/lib"
# The display reports its process like the others, then is itself.
cat >"$work/lib/mullion-display" <<-END
	#!/bin/sh
	echo \$\$ >>"$work/display.pids"
	exec "$build/mullion-display" "\$@"
END
for name in control panel; do
	cat >"$work/lib/mullion-$name" <<-END
		#!/bin/sh
		echo "\$*" >"$work/$name.arguments"
		echo "\${WAYLAND_DISPLAY-}" >"$work/$name.wayland"
		echo \$\$ >>"$work/$name.pids"
		[ ! -e "$work/$name.dies" ] || exit 3
		exec sleep 1000
	END
done
chmod +x "$work"/lib/*

check() { # what, command...
	local what=$1
	shift
	if "$@"; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		sed 's/^/# /' "$work/err"
		failures=$((failures + 1))
	fi
}
wait_for() { # seconds, command...
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}
starts() { [ -e "$work/$1.pids" ] && [ "$(wc -l <"$work/$1.pids")" -ge "$2" ]; }
starts_exactly() { [ "$(wc -l <"$work/$1.pids")" -eq "$2" ]; }
alive() { kill -0 "$(tail -n 1 "$work/$1.pids")" 2>/dev/null; }
all_gone() {
	local pid
	for pid in $(cat "$work"/*.pids); do
		! kill -0 "$pid" 2>/dev/null || return 1
	done
}
said() { grep -qE "$1" "$work/err"; }
begin() {
	rm -f "$work"/*.pids "$work"/*.dies
	"$build/mullion" --connect "qemu+unix:///system?socket=$work/none" desktop --output headless -- --size 640x480 2>"$work/err" &
	desktop=$!
}
ended_with() { # status
	local got
	wait "$desktop"
	got=$?
	desktop=
	[ $got -eq "$1" ] || { echo "# status $got"; return 1; }
}

begin
check "the panel and the control daemon start once the display answers" wait_for 30 eval 'starts panel 1 && starts control 1'
check "the control daemon is told which libvirt" grep -q -- "--connect=qemu+unix:///system" "$work/control.arguments"
check "the panel is a client of this display" grep -qx "$work/run/panel.sock" "$work/panel.wayland"
check "libvirt not reachable is said, and is no reason to stay away" said '^mullion: libvirt cannot be reached'
"$build/mullion" desktop --output headless >/dev/null 2>"$work/second"
check "a second desktop is refused" grep -q 'a desktop runs here already' "$work/second"
kill -9 "$(tail -n 1 "$work/panel.pids")"
check "a panel that dies is started again" wait_for 10 starts panel 2
check "and that is said" said 'the panel ended by signal 9; it is started again'
check "the others go on" eval 'alive display && alive control && starts_exactly control 1'
touch "$work/control.dies"
kill "$(tail -n 1 "$work/control.pids")"
check "a daemon that keeps dying is given up" wait_for 40 said 'the control daemon ended with status 3 for the 6th time within a minute and stays off'
check "after five new starts" starts_exactly control 6
check "the display goes on" alive display
kill $desktop
check "asked to end, it ends well" ended_with 0
check "with everything it started" all_gone

begin
wait_for 30 eval 'starts panel 1 && starts control 1'
kill -9 "$(tail -n 1 "$work/display.pids")"
check "a display that dies ends the session with a failure" ended_with 1
check "and that is said" said 'the display ended by signal 9; the guests go on'
check "nothing is left of it" all_gone

begin
wait_for 30 eval 'starts panel 1 && starts control 1'
kill -9 $desktop
wait $desktop 2>/dev/null
desktop=
check "a desktop that is killed takes its programs along" wait_for 10 all_gone

# SDL would fall back to a window that nobody sees.
env -u DISPLAY -u WAYLAND_DISPLAY -u SDL_VIDEODRIVER XDG_RUNTIME_DIR="$work" timeout 20 "$build/mullion" \
	--connect "qemu+unix:///system?socket=$work/none" desktop >/dev/null 2>"$work/err"
check "without a display there is no window, and a failure" [ $? -eq 1 ]
check "and that is said" said 'no display can be reached'

rm "$work/lib/mullion-control"
"$build/mullion" --connect "qemu+unix:///system?socket=$work/none" desktop --output headless >/dev/null 2>"$work/err"
check "a missing program is said" said 'mullion-control is not installed where it is looked for'

echo "$failures failed"
[ $failures -eq 0 ]
