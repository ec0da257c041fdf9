# SPDX-License-Identifier: GPL-2.0-or-later
# Drives a headless desktop as a person would: keys, pointer, eyes. Sourced by scripts/try and by
# system tests; needs $build (the build directory). Key codes are those of linux/input-event-codes.h.

KEY_ESC=1 KEY_ENTER=28 KEY_LEFTCTRL=29 KEY_A=30 KEY_LEFTSHIFT=42 KEY_LEFTALT=56 KEY_F1=59 KEY_F10=68 KEY_UP=103
KEY_RIGHT=106 KEY_DOWN=108 BTN_LEFT=272
KEY_0=11 # KEY_1 is 2, .. KEY_9 is 10

inject() { "$build/mullion-inject" "$@"; }
tap() { inject - <<<"key $1 1"$'\n'"key $1 0"; }
hold() { inject key "$1" 1; }
let_go() { inject key "$1" 0; }
click() { inject - <<<"pointer $1 $2"$'\n'"button $BTN_LEFT 1"$'\n'"button $BTN_LEFT 0"; }

# chord_slot N: Ctrl+Alt+N, pressed and released in a person's order.
chord_slot() {
	local code=$(($1 == 0 ? KEY_0 : $1 + 1))
	inject - <<-END
		key $KEY_LEFTCTRL 1
		key $KEY_LEFTALT 1
		key $code 1
		key $code 0
		key $KEY_LEFTALT 0
		key $KEY_LEFTCTRL 0
	END
}

# state FILTER: a jq filter over the display's state.
state() { inject state | jq -r "$1"; }
guest_id() { state ".guests[] | select(.label == \"$1\") | .id"; }
# picture_hash ID [X Y W H]: of a guest's newest picture, in focus or not.
picture_hash() { inject hash "$1" "${2:-0}" "${3:-0}" "${4:-0}" "${5:-0}"; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds; says what did not come.
wait_for() {
	local seconds=$1 what=$2 end=$((SECONDS + $1))
	shift 2
	until "$@" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			echo "mullion: after $seconds seconds still not so: $what" >&2
			return 1
		fi
		sleep 0.1 # between two looks; what ends the wait is the condition
	done
}

is() { [ "$(state "$1")" = "$2" ]; }
has_picture() { [ "$(state ".guests[] | select(.id == \"$1\") | .width")" -gt 0 ]; }
hash_is() { [ "$(picture_hash "$1" "${@:3}")" = "$2" ]; }
hash_is_not() {
	local now
	now=$(picture_hash "$1" "${@:3}") && [ "$now" != "$2" ]
}

# settled ID [X Y W H]: the guest's picture stays the same for two seconds of looking.
settled() {
	local first
	first=$(picture_hash "$@") || return
	sleep 2 # the length of the observation, not a guess at a duration
	hash_is "$1" "$first" "${@:2}"
}

# stays ID HASH [X Y W H]: the picture is that one, and still is after three seconds of looking: time
# for a key that went astray to be drawn.
stays() {
	hash_is "$@" && sleep 3 && hash_is "$@" # the length of the observation
}

# Memtest86+ (720x400 text). Its menus are black boxes on blue; what is around them goes on counting.
memtest_menu="200 60 300 250"
memtest_box_shows() { hash_is_not "$1" "$(picture_hash "$1" 20 300 50 20)" 210 300 50 20; }
memtest_box_is_gone() { ! memtest_box_shows "$1"; }

# memtest_menu_opens ID: the guest in focus is Memtest86+; its menu is opened and stands still.
# F10 leaves a menu and, like any key, the banner after a whole pass.
memtest_menu_opens() {
	tap $KEY_F10 && wait_for 5 "no menu" memtest_box_is_gone "$1" &&
		tap $KEY_F1 && wait_for 10 "the menu" memtest_box_shows "$1" &&
		settled "$1" $memtest_menu
}
