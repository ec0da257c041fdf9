#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The images without the core: the same bytes when built twice, and each VM's kernel, alone on the
# emulated laptop, makes its devices work.
. "${srcdir:-.}/tests/core/rig.sh"

mkdir "$work/again"
"$top/scripts/core-images" --out "$work/again" || die "no second build"
for file in vmlinuz ui.initrd control.initrd; do
	cmp "$core_images/$file" "$work/again/$file" || die "$file is not the same when built again"
done
ok "the same sources give the same images"

core_binary=
core_bare=ui
core_boot && core_steps_ui || die "the UI VM's image"
ok "the UI VM's image works alone"

rig_new
core_bare=control
core_boot && core_steps_control || die "the control VM's image"
ok "the control VM's image works alone"

# What a test adds is run, and the rest is still there.
printf '#!/bin/sh\necho "<1>hook: $(hostname)"\n' >"$work/hook" && chmod 755 "$work/hook"
mkdir "$work/images" && cp "$core_images/vmlinuz" "$work/images"
rig_add "$core_images/ui.initrd" "$work/images/ui.initrd" "$work/hook" || die "no added image"
rig_new
core_bare=ui core_images=$work/images core_iommu=none
core_boot && core_wait_line 'hook: ui' 120 && core_wait_line 'testcard: ready' 60 || die "an added hook"
ok "a hook added by a test runs before the test card"
