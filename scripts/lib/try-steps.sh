# SPDX-License-Identifier: GPL-2.0-or-later
# What `scripts/try --headless` does with the two guests, and how it knows that it happened. Each
# step waits for its effect in the pictures; none trusts a message. Sourced by scripts/try, with
# steps.sh.

slot_of() { state ".guests[] | select(.id == \"$1\") | .slot"; }
switch_to() { # switch_to SLOT ID
	chord_slot "$1" && wait_for 5 "Ctrl+Alt+$1 switches" is .focused "$2"
}

# changes ID PART SECONDS COMMAND...: after the command, that part of the picture becomes another.
changes() {
	local id=$1 part=$2 seconds=$3 before
	shift 3
	# shellcheck disable=SC2086 # a part is four words, or none
	before=$(picture_hash "$id" $part) && "$@" &&
		wait_for "$seconds" "the picture changes after $*" hash_is_not "$id" "$before" $part
}

try_steps() {
	results=()
	wait_for 90 "the display answers" inject state >/dev/null || return
	# There may be other guests; these two are told by their labels.
	wait_for 60 "both guests are known" is '[.guests[] | select(.head) | .label]
		| contains(["Debian installer", "Memtest86+"])' true || return
	local installer_id memtest_id installer_slot memtest_slot before
	installer_id=$(guest_id "Debian installer") memtest_id=$(guest_id "Memtest86+")
	installer_slot=$(slot_of "$installer_id") memtest_slot=$(slot_of "$memtest_id")
	check "Memtest86+ shows its picture" \
		wait_for 120 "Memtest86+ is up" has_picture "$memtest_id" || return
	check "Ctrl+Alt+$memtest_slot shows Memtest86+" switch_to "$memtest_slot" "$memtest_id" || return
	# Its menu key opens the menu when it is ready; the menu stands still, unlike the test.
	check "F1 opens Memtest86+'s menu" wait_for 120 "the menu opens" memtest_menu_opens \
		"$memtest_id" || return
	check "Ctrl+Alt+$installer_slot shows the installer" \
		switch_to "$installer_slot" "$installer_id" || return
	check "the installer reaches its first screen" wait_for 600 "the installer is up" \
		installer_is_up "$installer_id" || return

	# Each guest also gets the key that it ignores and that would change the other's picture.
	# shellcheck disable=SC2086 # a part is four words
	before=$(picture_hash "$memtest_id" $memtest_menu)
	check "keys in the installer change its picture, and change it back" \
		wait_for 120 "the installer answers" down_and_up "$installer_id" || return
	tap $KEY_F1 || return
	check "a click selects the line it was aimed at" click_selects "$installer_id" || return
	# shellcheck disable=SC2086
	check "none of it reached Memtest86+" \
		stays "$memtest_id" "$before" $memtest_menu || return
	inject capture "$out/guest-1.png" || return

	check "Ctrl+Alt+Right goes on to the next guest" next_is "$(next_of "$installer_id")" || return
	switch_to "$memtest_slot" "$memtest_id" || return # which it is, if there are no others
	wait_for 30 "the installer's picture rests" settled "$installer_id" || return
	before=$(picture_hash "$installer_id")
	check "a key in Memtest86+ changes its picture" \
		changes "$memtest_id" "$memtest_menu" 30 tap $KEY_F1 || return
	tap $KEY_DOWN || return
	check "none of it reached the installer" stays "$installer_id" "$before" || return
	inject capture "$out/guest-2.png" || return

	check "holding Ctrl+Alt shows the switcher" switcher_shows || return
	check "Ctrl+Alt+0 shows the panel" switch_to 0 "" || return
	check "the panel is there" wait_for 30 "the panel's window" is .panel true || return
	check "the panel is drawn and at rest" wait_for 30 "the panel draws" panel_is_drawn || return
}

# The installer's first screen: its tablet works (the kernel is up), the list is not what the top
# left corner is (a text console is black in both places), and nothing blinks or scrolls any more.
installer_is_up() {
	tap $KEY_LEFTSHIFT # ten minutes without a key, and it has switched its screen off
	[ "$(state ".guests[] | select(.id == \"$1\") | .absolute")" = true ] &&
		hash_is_not "$1" "$(picture_hash "$1" 0 0 40 8)" 900 260 40 8 && settled "$1"
}

# Down moves the selection of the language list and Up moves it back to the very same picture. So
# the keys have arrived and been drawn, and nothing of the start is left to draw: on a busy machine
# the list stands still for seconds before it is ready. It ends on another line than it began on,
# which may be the one that an earlier run clicked on.
down_and_up() {
	local before
	settled "$1" && before=$(picture_hash "$1") &&
		changes "$1" "" 15 tap $KEY_DOWN && tap $KEY_UP &&
		wait_for 15 "Up undoes Down" hash_is "$1" "$before" &&
		changes "$1" "" 15 tap $KEY_DOWN
}

# A click on a line of the language list moves the selection to that line: the picture changes
# there, in a strip of the line's height around the point aimed at.
click_selects() {
	local x=640 y=400 band
	band=$(($(state .height) - $(state ".guests[] | select(.id == \"$1\") | .height")))
	changes "$1" "300 $((y - 4)) 100 8" 30 click $x $((y + band))
}

# The guest with a picture that follows in slot order.
next_of() {
	state "[.guests[] | select(.head)] | sort_by(.slot) | map(.id) |
		.[(index(\"$1\") + 1) % length]"
}
next_is() {
	inject - <<-END
		key $KEY_LEFTCTRL 1
		key $KEY_LEFTALT 1
		key $KEY_RIGHT 1
		key $KEY_RIGHT 0
		key $KEY_LEFTALT 0
		key $KEY_LEFTCTRL 0
	END
	wait_for 5 "the next guest is shown" is .focused "$1"
}

switcher_shows() {
	local status=0
	hold $KEY_LEFTCTRL && hold $KEY_LEFTALT &&
		wait_for 5 "the switcher" is .switcher true &&
		inject capture "$out/switcher.png" || status=1
	let_go $KEY_LEFTALT && let_go $KEY_LEFTCTRL &&
		wait_for 5 "the switcher goes" is .switcher false && return $status
}

# The panel's picture is more than an empty screen (a PNG of which has 6 KB), and rests.
panel_is_drawn() {
	inject capture "$out/panel.png" && cp "$out/panel.png" "$out/.panel-before.png" &&
		sleep 1 && # the length of the look
		inject capture "$out/panel.png" && cmp -s "$out/panel.png" "$out/.panel-before.png" &&
		rm "$out/.panel-before.png" && [ "$(stat -c %s "$out/panel.png")" -gt 20000 ]
}

try_table() {
	local frames switches keys
	jq -e . "$out/timeline.json" >/dev/null || fail "timeline.json is not whole"
	frames=$(jq '[.[] | select(.event == "frame")] | length' "$out/timeline.json")
	switches=$(jq '[.[] | select(.event == "switch")] | length' "$out/timeline.json")
	keys=$(jq '[.[] | select(.event == "key")] | length' "$out/timeline.json")
	echo
	printf '%s\n' "${results[@]}"
	echo
	echo "$frames frames, $switches switches, $keys key events: $out/timeline.json"
	echo "pictures: $out/{guest-1,guest-2,switcher,panel}.png"
}
