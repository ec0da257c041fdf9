#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Protects: a guest whose display device can (virtio, Debian's own kernel) takes the size of the
# screen it is shown on, when it starts and when the screen changes, and is then shown pixel for
# pixel: its picture is as large as the area below the band.
set -u
. "${srcdir:-$(dirname "$0")/../..}/tests/system/rig.sh"

guest=t-mode
installer=/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64
rig_guest $guest --os linux --memory 768 --kernel $installer/linux --initrd $installer/initrd.gz \
	--cmdline "vga=788"
id=$(mullion show --json $guest | jq -r .id)
rig_desktop --output headless -- --size 1000x724
wait_for 60 "the display" inject state >/dev/null || die "no display"

size_is() { is ".guests[] | select(.id == \"$id\") | \"\(.width)x\(.height)\"" "$1"; }
wait_for 240 "the guest has the screen's size" size_is 1000x700 || die "the guest keeps its size"
ok "a guest starts with the size of the screen it is shown on"
inject resize 900 624 || die "resize"
wait_for 60 "the guest follows" size_is 900x600 || die "the guest does not follow"
ok "a running guest follows when the screen changes"
