#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line with real guests under libvirt: the whole life of one, and every kind of bad input.
# Protects: what a verb says is what libvirt shows; a brought image is never touched; bad input gives
# one clear line and the right exit status and leaves nothing behind.
set -u
build=$PWD
memtest_iso=/usr/lib/memtest86+/memtest86+x64.iso
memtest_kernel=/boot/memtest86+x64.bin

if [ "$(id -u)" = 0 ]; then uri=qemu:///system; else uri=qemu:///session; fi
if ! timeout 60 virsh -q -c $uri uri >/dev/null 2>&1; then
	echo "no libvirt at $uri: skipped (root can start one: scripts/lib/libvirt-up.sh)"
	[ "$(id -u)" = 0 ] && exit 1
	exit 77
fi

work=$(mktemp -d /var/tmp/mullion-cli-XXXXXX)
chmod 711 "$work"
export MULLION_RUNTIME_DIR=$work/run MULLION_GUESTS_DIR=$work/guests
failures=0
mullion() { "$build/mullion" --connect "$uri" "$@" </dev/null; }
virsh() { command virsh -q -c "$uri" "$@"; }
guests() { virsh list --all --name | grep '^t-cli-' | sort; }
cleanup() {
	for guest in $(guests); do
		virsh destroy "$guest" >/dev/null 2>&1
		virsh undefine "$guest" --nvram --tpm --snapshots-metadata --managed-save >/dev/null 2>&1
	done
	umount "$work/small" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
cleanup_leftovers=$(guests)
if [ -n "$cleanup_leftovers" ]; then
	echo "guests of an earlier run are in the way: $cleanup_leftovers; delete them with virsh"
	trap - EXIT
	rm -rf "$work"
	exit 1
fi

ok() { echo "ok - $1"; }
not_ok() {
	echo "not ok - $1"
	sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null
	failures=$((failures + 1))
}
check() { # what, command...
	local what=$1
	shift
	if "$@" >"$work/out" 2>"$work/err"; then ok "$what"; else not_ok "$what"; fi
}
# A command that must fail: with this status, one line on stderr that matches, and nothing left.
refused() { # what, status, pattern, command...
	local what=$1 status=$2 pattern=$3 before after got
	shift 3
	before=$(guests; find "$work/guests" 2>/dev/null | sort)
	"$@" >"$work/out" 2>"$work/err"
	got=$?
	after=$(guests; find "$work/guests" 2>/dev/null | sort)
	if [ $got -ne "$status" ]; then
		not_ok "$what (status $got, not $status)"
	elif [ "$(wc -l <"$work/err")" -ne 1 ] || ! grep -q '^mullion: ' "$work/err"; then
		not_ok "$what (not one line)"
	elif ! grep -qE "$pattern" "$work/err"; then
		not_ok "$what (the message does not say /$pattern/)"
	elif [ "$before" != "$after" ]; then
		not_ok "$what (something is left: $(diff <(echo "$before") <(echo "$after")))"
	else
		ok "$what: $(cut -c10- "$work/err")"
	fi
}
json() { mullion --json "$@" | jq -e "${filter:-.}" >/dev/null; }
state_is() { [ "$(mullion --json show "$1" | jq -r .state)" = "$2" ] && [ "$(virsh domstate "$1")" = "$3" ]; }
wait_for() { # seconds, command...
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.2
	done
}
nothing_left() { [ -z "$(find "$work/guests" -mindepth 1)" ] && [ -z "$(guests)" ]; }

# --- the whole life of a guest that starts from an ISO
check "create from an ISO" mullion create t-cli-a --iso $memtest_iso --os other -m 128 --vcpus 1 --label 'Töst <&>'
check "virsh sees the guest" virsh dominfo t-cli-a
virsh dumpxml --inactive t-cli-a >"$work/a.xml"
check "its XML is valid" virt-xml-validate "$work/a.xml" domain
filter='map(select(.name == "t-cli-a" and .label == "Töst <&>" and .state == "off" and .memory == 128 and .vcpus == 1)) | length == 1' \
	check "list --json shows it" json list
check "it is found by its label" mullion show 'Töst <&>'
check "and by its UUID" mullion show "$(virsh domuuid t-cli-a | tr -d '\n')"
check "start" mullion start t-cli-a
check "it is running" state_is t-cli-a running running
check "starting it again is no error" mullion start t-cli-a
check "pause" mullion pause t-cli-a
check "it is paused" state_is t-cli-a paused paused
check "snapshot of a paused guest" mullion snapshot t-cli-a paused
check "resume" mullion resume t-cli-a
check "it goes on" state_is t-cli-a running running
check "snapshot of a running guest" mullion snapshot t-cli-a running
filter='.snapshots == ["paused", "running"]' check "show lists the snapshots, oldest first" json show t-cli-a
check "revert to the named one" mullion revert t-cli-a paused
check "it is paused as it was then" state_is t-cli-a paused paused
check "revert to the newest" mullion revert t-cli-a
check "it is running as it was then" state_is t-cli-a running running
refused "a snapshot's name that exists" 1 'has a snapshot running already' mullion snapshot t-cli-a running
refused "a snapshot that is not there" 1 'has no snapshot nope' mullion revert t-cli-a nope
refused "a running guest is not deleted" 1 'is running; stop it first' mullion delete t-cli-a
refused "a name that exists" 1 'there is a guest t-cli-a already' mullion create t-cli-a --iso $memtest_iso
filter='map(select(.role == "cdrom" and (.owned | not))) | length == 1' check "where says that the ISO is kept" json where t-cli-a
filter='all(.[] | select(.role == "disk"); .owned and .size > 0 and .allocated > 0)' check "where measures the disk" json where t-cli-a
refused "focus without a display" 1 'no display runs here .*mullion desktop' mullion focus t-cli-a
qemu_pid() { pgrep -f "guest=t-cli-$1," | head -n 1; }
check "another guest beside it" mullion create t-cli-b --iso $memtest_iso --os other -m 128 --vcpus 1 --start
kill -9 "$(qemu_pid a)"
check "QEMU killed with -9: the guest is told as crashed" wait_for 20 state_is t-cli-a crashed "shut off"
check "the other guest is unharmed" state_is t-cli-b running running
check "and it starts again" mullion start t-cli-a
check "stop: Memtest86+ does not answer ACPI, so it is forced" mullion stop t-cli-a --timeout 1
check "it is off" state_is t-cli-a off "shut off"
check "stopping it again is no error" mullion stop t-cli-a
refused "pausing what is off" 1 'is not running' mullion pause t-cli-a
refused "the console of what is off" 1 'has no console; start it first' mullion console t-cli-a
check "stop --force" mullion stop --force t-cli-b
check "delete" mullion delete t-cli-a
check "delete --json" json delete t-cli-b
check "nothing is left of both" nothing_left

# --- kernel, console
check "create from a kernel" mullion create t-cli-k --kernel $memtest_kernel --cmdline 'console=ttyS0,115200' --os other -m 128 --vcpus 1
check "the kernel is a copy of ours" test -s "$work/guests/t-cli-k/kernel"
check "start it" mullion start t-cli-k
mullion console t-cli-k >"$work/console" 2>&1 &
console=$!
check "its console says who it is" wait_for 60 grep -aq 'Memtest86+' "$work/console"
kill $console && wait $console
check "delete --force stops it first" mullion delete --force t-cli-k
check "nothing is left of it" nothing_left

# On a terminal: raw, Ctrl+] leaves, and the terminal is as it was before.
check "create" mullion create t-cli-t --kernel $memtest_kernel --cmdline "console=ttyS0,115200" --os other -m 64 --vcpus 1 --start
(wait_for 60 grep -saq "Memtest86+" "$work/typescript"; printf "\035") |
	script -qefc "stty -a >$work/tty.before; $build/mullion --connect $uri console t-cli-t; echo left \$? >$work/left; stty -a >$work/tty.after" "$work/typescript" >/dev/null 2>&1
check "Ctrl+] leaves the console" grep -qx "left 0" "$work/left"
check "the terminal is as it was" cmp "$work/tty.before" "$work/tty.after"
check "the guest goes on" state_is t-cli-t running running
check "delete it" mullion delete --force t-cli-t

# --- a brought disk is never touched
qemu-img create -q -f qcow2 "$work/brought.qcow2" 64M
qemu-io -f qcow2 -c 'write -q -P 3 0 8M' "$work/brought.qcow2"
qemu-img convert -O vmdk "$work/brought.qcow2" "$work/brought.vmdk"
qemu-img convert -O vdi "$work/brought.qcow2" "$work/brought.vdi"
qemu-img convert -O raw "$work/brought.qcow2" "$work/brought.raw"
for format in qcow2 vmdk vdi raw; do
	before=$(sha256sum <"$work/brought.$format"; stat -c '%u %g %a %Y' "$work/brought.$format")
	check "create from a $format disk" mullion create t-cli-d --disk "$work/brought.$format" --os other -m 64 --vcpus 1 --start
	check "its layer reads the $format disk" \
		qemu-io -U -f qcow2 -r -c 'read -P 3 0 8M' "$work/guests/t-cli-d/disk.qcow2"
	during=$(stat -c '%u %g %a %Y' "$work/brought.$format")
	check "delete it" mullion delete --force t-cli-d
	check "the $format disk is as it was" \
		test "$before" = "$(sha256sum <"$work/brought.$format"; stat -c '%u %g %a %Y' "$work/brought.$format")"
	check "also while the guest ran" test "$during" = "${before#*$'\n'}"
done
check "nothing is left" nothing_left

# --- a disk that has gone
check "create" mullion create t-cli-m --iso $memtest_iso --os other -m 64
mv "$work/guests/t-cli-m/disk.qcow2" "$work/away.qcow2"
touch "$work/guests/t-cli-m/serial.log" # libvirt opens it even for a start that fails
refused "a start without the disk" 1 't-cli-m cannot be started: .*disk.qcow2.*No such file' mullion start t-cli-m
check "delete it all the same" mullion delete t-cli-m
check "nothing is left" nothing_left

# --- a user's own libvirt
if [ "$(id -u)" = 0 ]; then
	mkdir -m 700 "$work/user" "$work/user/run"
	chown 65534:65534 "$work/user" "$work/user/run"
	as_user() {
		(cd / && setpriv --reuid 65534 --regid 65534 --clear-groups env -i HOME="$work/user" XDG_RUNTIME_DIR="$work/user/run" \
			PATH="$PATH" LANG=C.UTF-8 "$@" </dev/null)
	}
	own() { as_user "$build/mullion" "$@"; }
	check "a user creates a guest" own create t-cli-u --iso $memtest_iso --os other -m 64 --vcpus 1 --start
	own_list() { own --json list | jq -e 'length == 1 and .[0].state == "running"'; }
	check "it runs" own_list
	check "virsh sees it in the user's session" as_user virsh -q -c qemu:///session dominfo t-cli-u
	check "snapshot" own snapshot t-cli-u one
	check "revert" own revert t-cli-u
	check "its files are the user's" test "$(stat -c %u "$work/user/.local/share/mullion/guests/t-cli-u/disk.qcow2")" = 65534
	check "delete" own delete --force t-cli-u
	check "nothing is left" test -z "$(find "$work/user/.local/share/mullion/guests" -mindepth 1)"
	kill "$(cat "$work/user/run/libvirt/libvirtd.pid")"
fi

# --- UEFI, Secure Boot, TPM: libvirt has no snapshots of these
if [ -e /usr/share/OVMF/OVMF_CODE_4M.ms.fd ] && command -v swtpm >/dev/null; then
	check "create a guest for Windows" mullion create t-cli-w --os windows --iso $memtest_iso -m 256 --start
	virsh dumpxml --inactive t-cli-w >"$work/w.xml"
	check "its XML is valid" virt-xml-validate "$work/w.xml" domain
	check "snapshot while it runs" mullion snapshot t-cli-w one
	check "it goes on" state_is t-cli-w running running
	check "revert" mullion revert t-cli-w one
	check "it is running again" state_is t-cli-w running running
	check "stop" mullion stop --force t-cli-w
	check "snapshot while it is off" mullion snapshot t-cli-w two
	filter='.snapshots == ["one", "two"] and .firmware == "uefi" and .state == "off"' check "both are listed" json show t-cli-w
	check "revert to the one that was off" mullion revert t-cli-w two
	check "it is off" state_is t-cli-w off "shut off"
	check "delete" mullion delete t-cli-w
	check "nothing is left" nothing_left
else
	echo "# no OVMF or no swtpm: guests with UEFI are not tried"
fi

# --- bad input
text="$work/text" folder="$work/closed"
yes 'this is no image' | head -c 100001 >"$text"
create() { mullion create t-cli-x "$@"; }
refused "text as an ISO" 1 'is not a CD or DVD image' create --iso "$text"
refused "text as a disk" 1 'is not a disk image' create --disk "$text"
refused "text as a kernel" 1 'is not a Linux kernel' create --kernel "$text"
refused "a file that is not there" 1 'there is no file /no/such.iso \(given as --iso\)' create --iso /no/such.iso
refused "a folder" 1 'is a folder, not a file' create --disk "$work"
refused "a device" 1 'is a device' create --disk /dev/null
: >"$work/empty"
refused "an empty file" 1 'is empty' create --disk "$work/empty"
head -c 3000000 $memtest_iso >"$work/short.iso"
refused "an ISO cut short" 1 'is cut short' create --iso "$work/short.iso"
for format in qcow2 vmdk vdi; do
	for bytes in 4000000 70000; do
		head -c $bytes "$work/brought.$format" >"$work/short.$format"
		refused "a $format cut to $bytes bytes" 1 'cut short|damaged|cannot be used' create --disk "$work/short.$format"
	done
done
qemu-img create -q -f qcow2 -b /etc/hostname -F raw "$work/reaching.qcow2" 1M
refused "a qcow2 that reads another file" 1 'reads from /etc/hostname' create --disk "$work/reaching.qcow2"
qemu-img create -q -f qcow2 -o data_file="$work/data",data_file_raw=on "$work/data.qcow2" 1M
refused "a qcow2 whose data is elsewhere" 1 'data is in other files' create --disk "$work/data.qcow2"
qemu-img create -q -f vmdk -o subformat=monolithicFlat "$work/flat.vmdk" 1M
refused "a vmdk that is only a description" 1 'data is in other files' create --disk "$work/flat.vmdk"
qemu-img create -q -f vpc "$work/other.vhd" 1M
refused "a format that is not taken" 1 'qemu-img convert' create --disk "$work/other.vhd"
cp $memtest_iso "$work/private.iso"
mkdir -m 700 "$folder"
cp $memtest_iso "$folder/a.iso"
if [ "$(id -u)" = 0 ]; then
	chmod 600 "$work/private.iso"
	refused "an ISO that QEMU's user cannot read" 1 'cannot be read by libvirt-qemu.*setfacl' create --iso "$work/private.iso"
	refused "an ISO in a folder that it cannot enter" 1 "the folder $folder is closed to it" create --iso "$folder/a.iso"
else
	chmod 0 "$work/private.iso"
	refused "an ISO that cannot be read" 1 'cannot be read by you' create --iso "$work/private.iso"
fi
refused "no source" 2 'nothing to start from' create
refused "a bad name" 2 'must begin with a letter' mullion create .. --iso $memtest_iso
refused "a bad system" 2 'linux, windows, other' create --iso $memtest_iso --os bsd
refused "a bad size" 2 'memory is a size' create --iso $memtest_iso --memory lots
refused "too much memory" 1 'this machine has' create --iso $memtest_iso --memory 4T
refused "an unknown verb" 2 'no verb' mullion fly
refused "an unknown option" 2 'mullion help create' create --wings
refused "an unknown guest" 1 'there is no guest “t-cli-none”' mullion start t-cli-none
refused "libvirt not reachable" 1 'libvirt cannot be reached at qemu\+unix' \
	"$build/mullion" --connect "qemu+unix:///system?socket=$work/none" list
mullion --json show t-cli-none >"$work/out" 2>"$work/err"
check "errors as JSON" jq -e '.error.code == "NotFound" and (.error.message | length > 0)' "$work/out"

virsh define /dev/stdin >/dev/null <<-END
	<domain type='qemu'><name>t-cli-foreign</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>
END
refused "a name that a foreign domain has" 1 "not one of Mullion's" mullion create t-cli-foreign --iso $memtest_iso
refused "a foreign domain is not deleted" 1 "not one of Mullion's" mullion delete "$(virsh domuuid t-cli-foreign | tr -d '\n')"
filter='all(.[]; .name != "t-cli-foreign")' check "nor listed" json list
virsh undefine t-cli-foreign >/dev/null

mkdir -p "$work/guests/t-cli-x"
echo mine >"$work/guests/t-cli-x/file"
refused "a folder in the way" 1 'is there already' create --iso $memtest_iso
check "what is in it is kept" grep -q mine "$work/guests/t-cli-x/file"
rm -r "$work/guests/t-cli-x"

# What a creator that was killed left behind goes with the next one.
stale=$work/guests/.new-6f1c1b0e-9f3a-4c52-8a53-2b1f0c7d9e11
mkdir -p "$stale"
echo 6f1c1b0e-9f3a-4c52-8a53-2b1f0c7d9e11 >"$stale/mullion-guest"
echo half >"$stale/disk.qcow2"
check "create after one that was killed" create --iso $memtest_iso --os other
check "its leftovers are gone" test ! -e "$stale"
check "delete" mullion delete t-cli-x

# The file system refuses in the middle of a copy.
limited() { (trap '' XFSZ; ulimit -f 64; create --kernel $memtest_kernel); }
refused "a copy that cannot be finished" 1 'kernel cannot be written' limited
if [ "$(id -u)" = 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=1m none "$work/small" 2>/dev/null; then
	MULLION_GUESTS_DIR=$work/small refused "no disk space" 1 'no space in .*small.*make room' create --iso $memtest_iso
	check "nothing is left there" test -z "$(find "$work/small" -mindepth 1)"
else
	echo "# no tmpfs can be mounted here: a full disk is not tried"
fi
check "nothing is left of all that" nothing_left

echo "$failures failed"
[ $failures -eq 0 ]
