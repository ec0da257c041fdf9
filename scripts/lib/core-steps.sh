# SPDX-License-Identifier: GPL-2.0-or-later
# What a boot of the emulated laptop must show, and how it is known. Sourced by scripts/try and by
# boot tests, with core.sh and steps.sh; $out is where pictures go.

# The bars of the test card (uivm/image/testcard.c), and its corners.
card_bars=(ffffff ffff00 00ffff 00ff00 ff00ff ff0000 0000ff 000000)
card_corners=(ff0000 00ff00 0000ff ffff00)

# pixels FILE X,Y...: their colours, as rrggbb, in one line.
pixels() {
	local file=$1 format= pixel
	shift
	for pixel in "$@"; do format+="%[hex:p{$pixel}] "; done
	convert "$file" -depth 8 -format "$format" info: | tr A-F a-f | sed 's/ *$//'
}

# card_is_on FILE: the picture is the card, to the pixel: each bar's corners and its middle.
card_is_on() {
	local file=$1 width height i from to points=() want=()
	read -r width height < <(identify -format '%w %h\n' "$file")
	points+=(0,0 $((width - 1)),0 0,$((height - 1)) $((width - 1)),$((height - 1)))
	want+=("${card_corners[@]}")
	for i in "${!card_bars[@]}"; do
		from=$((40 + (width - 80) * i / 8)) to=$((40 + (width - 80) * (i + 1) / 8 - 1))
		points+=("$from,$((height - 160))" "$to,$((height - 160))" "$from,$((height - 81))"
			"$to,$((height - 81))" "$(((from + to) / 2)),$((height - 120))")
		want+=("${card_bars[i]}" "${card_bars[i]}" "${card_bars[i]}" "${card_bars[i]}" "${card_bars[i]}")
	done
	[ "$(pixels "$file" "${points[@]}")" = "${want[*]}" ] || {
		echo "mullion: $file is not the test card" >&2
		return 1
	}
}
screen_shows_card() { core_screenshot "$out/ui.png" && card_is_on "$out/ui.png"; }

# part_of FILE GEOMETRY: a sum of those pixels.
part_of() { convert "$1" -crop "$2" +repage rgb:- | sha256sum; }

# changes_picture GEOMETRY PATTERN COMMAND...: after it the line comes, and those pixels are others.
changes_picture() {
	local geometry=$1 pattern=$2 before core_mark
	shift 2
	core_set_mark
	core_screenshot "$out/ui.png" && before=$(part_of "$out/ui.png" "$geometry") && "$@" &&
		core_wait_line "$pattern" 60 && core_screenshot "$out/ui.png" &&
		[ "$(part_of "$out/ui.png" "$geometry")" != "$before" ]
}
card_key=540x60+670+180 # where the last key is written

# pointer_shows KIND X Y: moved, said, and drawn where it is said to be: black tip, white below.
pointer_shows() {
	local x y core_mark
	core_set_mark
	core_pointer "$@" && core_wait_line "testcard: pointer [0-9]+ [0-9]+ $1" 60 || return
	read -r x y < <(core_log | sed -n "s/.*testcard: pointer \([0-9]*\) \([0-9]*\) $1.*/\1 \2/p" | tail -n 1)
	core_screenshot "$out/ui.png" &&
		[ "$(pixels "$out/ui.png" "$x,$y" "$((x + 2)),$((y + 6))")" = "000000 ffffff" ]
}

picture_differs() {
	core_screenshot "$out/.later.png" && [ "$(part_of "$out/.later.png" "$1")" != "$2" ]
}
# The frame counter goes on.
picture_lives() {
	core_screenshot "$out/ui.png" &&
		core_until 30 "a next frame" picture_differs 300x40+920+60 \
			"$(part_of "$out/ui.png" 300x40+920+60)"
}

answers() { # answers FILTER PATH: the control VM's answer fits a jq filter
	local answer
	answer=$(core_http "$2") && jq -e "$1" <<<"$answer" >/dev/null || {
		echo "mullion: the control VM answers: $answer" >&2
		return 1
	}
}
shell_says() { [ "$(core_control_shell "$1")" = "$2" ]; }

# core_steps_ui: the UI VM has its devices, and they work.
core_steps_ui() {
	check "the UI VM shows a picture on its display" core_wait_line 'testcard: ready' 180 || return
	check "it finds the USB keyboard" core_wait_line 'testcard: device usb .*Keyboard' 60 || return
	check "it finds the USB tablet" core_wait_line 'testcard: device usb .*Tablet' 60 || return
	check "it finds the PS/2 keyboard" core_wait_line 'testcard: device ps2 .*keyboard' 60 || return
	check "it finds the PS/2 mouse" core_wait_line 'testcard: device ps2 .*Mouse' 60 || return
	check "the picture is right to the pixel" screen_shows_card || return
	check "a key of the USB keyboard appears in it" \
		changes_picture $card_key 'testcard: key KEY_M usb' core_key usb m || return
	check "a key of the PS/2 keyboard appears in it" \
		changes_picture $card_key 'testcard: key KEY_P ps2' core_key ps2 p || return
	check "the pointer follows the USB tablet" pointer_shows usb 9000 15000 || return
	check "the pointer follows the PS/2 mouse" pointer_shows ps2 60 40 || return
	check "the picture goes on" picture_lives
}

# core_steps_control: the control VM has its devices, and they work.
core_steps_control() {
	check "the control VM is ready" core_wait_line 'control: ready' 180 || return
	check "it answers over its network card" \
		answers ".name == \"control\" and .cpus == $core_cpus" /cgi-bin/status || return
	check "it writes to its disk and reads that back" answers \
		'.device == "/dev/nvme0n1" and .word == "mullion" and .same' "/cgi-bin/disk?mullion" || return
	# shellcheck disable=SC2016 # for the other shell
	check "it has a shell on COM2" shell_says 'echo $((6 * 7))' 42
}

# core_steps: both, side by side on the core.
core_steps() {
	check "GRUB starts the core" core_wait_line 'Mullion core ' 120 || return
	check "the core starts the UI VM's kernel" core_wait_line '\[ui\].*Linux version' 120 || return
	check "the core starts the control VM's kernel" \
		core_wait_line '\[control\].*Linux version' 120 || return
	core_steps_ui && core_steps_control || return
	# Each does its work while the other does: the picture once more, at the end.
	check "the UI VM's picture still goes on" picture_lives
}
