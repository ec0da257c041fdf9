# SPDX-License-Identifier: GPL-2.0-or-later
# `scripts/try --core`: the core on the emulated laptop, and what of it works; with --guest, Debian's
# QEMU and a guest on it. Sourced by scripts/try.

. "$top/scripts/lib/steps.sh"
. "$top/scripts/lib/core.sh"
. "$top/scripts/lib/core-steps.sh"
. "$top/scripts/lib/core-guests.sh"

step "packages"
# shellcheck disable=SC2086 # lists of words
packages_need $packages_build $packages_core || fail "packages are missing"
step "build"
build_in "$build" || fail "the build failed; its messages are above"
step "images"
"$top/scripts/core-images" --out "$build/core-images" || fail "no images; see above"

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/{ui,guest}.png "$out/core.log"
core_binary=$build/mullion-core core_images=$build/core-images core_dir=$(mktemp -d)
core_try_end() {
	core_stop
	cp "$core_dir/core.log" "$out" 2>/dev/null
	rm -rf "$core_dir" "$out/.later.png"
}
trap core_try_end EXIT
[ -z "$core_guest" ] || guest_machine || fail "no disk of guests; see above"

step "the emulated laptop: $core_firmware, IOMMU $core_iommu"
core_boot || fail "QEMU does not start; see above"
status=0
core_steps || status=1
# Of the installer's first screen: it is there, and answers a key.
guest_steps() {
	guest_accel=kvm,kernel-irqchip=split
	step "a guest of Debian's QEMU, in the control VM (takes some minutes)"
	check "the control VM has QEMU and /dev/kvm" guest_prepare &&
		check "QEMU runs on the core" installer_start &&
		check "the Debian installer shows its first screen" \
			guest_until 900 "first screen of the installer" installer_selects English "$out/guest.png" &&
		check "it takes a key" guest_qmp send-key '{"keys": [{"type": "qcode", "data": "down"}]}' &&
		check "it answers" guest_until 120 "next line selected" installer_selects Esperanto "$out/guest.png"
}
if [ -n "$core_guest" ] && [ $status -eq 0 ]; then
	guest_steps || status=1
fi
echo
printf '%s\n' "${results[@]}"
echo
echo "picture: $out/ui.png; serial line: $out/core.log"
[ -z "$core_guest" ] || echo "the guest's picture: $out/guest.png"
[ $status -eq 0 ] || fail "see above, and $out/core.log"
