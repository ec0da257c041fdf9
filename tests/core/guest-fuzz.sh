#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that tries everything (tests/core/guests/fuzz.c), on four CPUs, ends nothing but itself: the
# core, both service VMs, another guest and their memory are as before. FUZZ_SECONDS of the control
# VM's time; FUZZ_SEED: the seed of its first QEMU, for a run of other tries than `make check` has.
. "${srcdir:-.}/tests/core/rig.sh"
. "$top/scripts/lib/core-guests.sh"
seconds=${FUZZ_SECONDS:-60} seed=${FUZZ_SEED:-1}

make -s -C "$build" tests/core/guests/fuzz.rom tests/core/guests/bystander.rom || die "no guests"
${CC:-gcc} -std=gnu11 -O2 -static -s -D_GNU_SOURCE -I"$top/include" -o "$work/attack" \
	"$top/tests/core/attack/user.c" || die "no canary"
${CC:-gcc} -std=gnu11 -O2 -static -s -D_GNU_SOURCE -o "$work/vmm" "$top/tests/core/guests/vmm.c" \
	-lpthread || die "no machine for guests"
rig_images "$work/images" "$work/vmm=/bin/vmm" "$top/tests/core/guests/fuzz-run=/bin/fuzz-run" \
	"$build/tests/core/guests/fuzz.rom=/fuzz.rom" \
	"$build/tests/core/guests/bystander.rom=/bystander.rom" || die "no images"
# The UI VM and the control VM watch some of their own memory.
printf '#!/bin/sh\nattack canary 64 &\n' >"$work/canary"
chmod 755 "$work/canary"
for vm in ui control; do
	rig_add "$core_images/$vm.initrd" "$work/$vm.initrd" "$work/attack=/bin/attack" "$work/canary" ||
		die "no image"
	mv "$work/$vm.initrd" "$core_images/$vm.initrd"
done
guest_machine || die "no disk of guests"
bad='canary CHANGED|: error [0-9]+:|Kernel panic|Oops|BUG:|kernel BUG|WARNING:|soft lockup|rcu.*stall'
over() {
	core_has_line "$bad" || core_http /guest/fuzz.log 2>/dev/null | grep -aq '^fuzz-run: end'
}
fuzz() {
	core_boot || die "no machine"
	guest_prepare || die "the control VM has no guests' disk"
	core_wait_line 'testcard: ready' 180 || die "the UI VM does not start"
	frames=$(core_control_shell 'cat /sys/kernel/debug/mullion/frames')
	echo "# first seed: $seed"
	core_control_shell "fuzz-run $seed $seconds >/guests/tmp/fuzz-run.out 2>&1 &" || die "no guests"
	core_until $((seconds * 20 + 300)) "end of the guests" over
}
# What a guest does can be too much for the machine that is emulated (CAVEATS.md): its process is then
# ended by a signal, which nothing of ours can bring about.
emulator_died() {
	core_runs && return 1
	wait "$core_qemu" 2>/dev/null
	[ $? -gt 128 ]
}
for turn in 1 2 3; do
	fuzz
	result=$?
	[ $result != 0 ] && [ $turn -lt 3 ] && emulator_died || break
	echo "# the emulator has ended by a signal: once more, with another seed"
	seed=$((seed * 16807 % 2147483647))
	rig_new
done
core_http /guest/fuzz.log >"$work/fuzz.log" 2>/dev/null
count() { grep -aEc -- "$1" "$work/fuzz.log"; }
sum() { awk -v word="$1" '/^fuzz: seed/ { for (i = 2; i <= NF; i++) if ($i == word) n += $(i - 1) }
	END { print n + 0 }' "$work/fuzz.log"; }
echo "# by QEMU: $(count '^fuzz-run: QEMU') ($(count '^fuzz-run: QEMU.*: silent') silent," \
	"$(count '^fuzz-run: QEMU.*: ended') ended, $(count '^fuzz-run: QEMU.*error') internal errors," \
	"$(count '^fuzz-run: QEMU.*failed') refused), $(count '^fuzz: seed') lives, $(sum tries) tries"
grep -aE '^vmm: |Suberror|entry failed' "$work/fuzz.log" | sort | uniq -c | sed 's/^/# /'
core_log | grep -a 'does not run guest' | head -n 8 | cut -c1-400 | sed 's/^/# /'
[ $result = 0 ] || die "the machine does not come to the end of it"
if core_has_line "$bad"; then
	core_log | grep -aE "$bad" | head -n 5 >&2
	die "it ends more than itself"
fi
grep -aqE '^vmm: good, [1-9][0-9]{3,} tries in [0-9]+ lives, [1-9][0-9]* of' "$work/fuzz.log" ||
	die "too little was tried, or the memory of who runs it is not as before"
[ "$(sum tries)" -gt 20 ] || die "QEMU has tried too little"
ok "it has tried much, on several CPUs"
grep -aqE '^fuzz-run: bystander lives, [1-9][0-9]* rounds, 0 bad' "$work/fuzz.log" ||
	die "the other guest does not go on as before"
ok "the other guest goes on, with its memory as it was"
[ "$(core_control_shell 'cat /sys/kernel/debug/mullion/frames')" = "$frames" ] ||
	die "pages of the core are left"
ok "nothing is left of it in the core"
picture_lives || die "the UI VM does not go on"
core_steps_control || die "the control VM does not go on"
core_has_line "$bad" && die "it ends more than itself"
ok "both VMs go on, with their memory as it was"
