# SPDX-License-Identifier: GPL-2.0-or-later
# `scripts/try --core`: the core on the emulated laptop, and what of it works. Sourced by scripts/try.

. "$top/scripts/lib/steps.sh"
. "$top/scripts/lib/core.sh"
. "$top/scripts/lib/core-steps.sh"

step "packages"
# shellcheck disable=SC2086 # lists of words
packages_need $packages_build $packages_core || fail "packages are missing"
step "build"
build_in "$build" || fail "the build failed; its messages are above"
step "images"
"$top/scripts/core-images" --out "$build/core-images" || fail "no images; see above"

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/{ui.png,core.log}
core_binary=$build/mullion-core core_images=$build/core-images core_dir=$(mktemp -d)
core_try_end() {
	core_stop
	cp "$core_dir/core.log" "$out" 2>/dev/null
	rm -rf "$core_dir" "$out/.later.png"
}
trap core_try_end EXIT

step "the emulated laptop: $core_firmware, IOMMU $core_iommu"
core_boot || fail "QEMU does not start; see above"
status=0
core_steps || status=1
echo
printf '%s\n' "${results[@]}"
echo
echo "picture: $out/ui.png; serial line: $out/core.log"
[ $status -eq 0 ] || fail "see above, and $out/core.log"
