#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes libvirt answer, or says why it cannot: at qemu:///system for root, at qemu:///session for anyone else, as mullion
# itself chooses. A user's own libvirtd is started by the client library and needs nothing of what follows.
#
# Where it answers already: nothing is done. Where there is a service manager: libvirtd is started by it. Where there is
# none and we are root (a container, a build machine): the system bus, virtlogd and libvirtd are started by hand; they
# stay until the machine goes. Writes nothing below /etc; gives /dev/kvm to the group kvm where no udev has done so. Run
# it or source it; the function is libvirt_up.

if [ "$(id -u)" = 0 ]; then LIBVIRT_UP_URI=qemu:///system; else LIBVIRT_UP_URI=qemu:///session; fi
LIBVIRT_UP_SECONDS=60

libvirt_up_answers() {
	timeout 20 virsh -q -c "$LIBVIRT_UP_URI" uri >/dev/null 2>&1
}

libvirt_up_fail() {
	echo "libvirt-up: $1" >&2
	return 1
}

# Runs a daemon that puts itself into the background, unless its socket answers.
libvirt_up_daemon() { # name, socket, command...
	name=$1
	socket=$2
	shift 2
	if [ -S "$socket" ] && libvirt_up_connects "$socket"; then
		return 0
	fi
	"$@" || libvirt_up_fail "$name could not be started by: $*; its words are above, or in /var/log/libvirt"
}

# A socket file outlives its server: only a connection tells.
libvirt_up_connects() {
	perl -MIO::Socket::UNIX -e 'exit(IO::Socket::UNIX->new(Peer => $ARGV[0]) ? 0 : 1)' "$1"
}

# libvirt 9.0 asks QEMU, which opens /dev/kvm as root would, and then looks itself whether libvirt-qemu may: where the
# two differ it takes its knowledge of QEMU for stale and gathers it anew (seconds) at every step of every start. udev
# gives the device to the group kvm; where there is no udev we do.
libvirt_up_kvm() {
	if [ -c /dev/kvm ] && [ "$(id -u)" = 0 ] && [ ! -d /run/udev ] && getent group kvm >/dev/null; then
		case $(stat -c %G:%a /dev/kvm) in
		kvm:66[06] | *:666) ;;
		*)
			echo "libvirt-up: giving /dev/kvm to the group kvm, as udev would" >&2
			chgrp kvm /dev/kvm && chmod 0660 /dev/kvm
			;;
		esac
	fi
}

libvirt_up() {
	for program in virsh libvirtd virtlogd qemu-system-x86_64; do
		PATH=$PATH:/usr/sbin command -v "$program" >/dev/null ||
			{ libvirt_up_fail "$program is missing; apt install libvirt-daemon-system libvirt-clients qemu-system-x86"; return; }
	done
	libvirt_up_kvm || return
	if libvirt_up_answers; then
		return 0
	fi
	if [ "$(id -u)" != 0 ]; then
		virsh -q -c "$LIBVIRT_UP_URI" uri >&2
		libvirt_up_fail "your own libvirtd ($LIBVIRT_UP_URI) does not start; its words are above"
		return
	elif [ -d /run/systemd/system ]; then
		systemctl start libvirtd || return
	else
		mkdir -p /run/dbus
		# Without a system bus every connection waits 12 s for one.
		libvirt_up_daemon "the system bus" /run/dbus/system_bus_socket \
			sh -c 'rm -f /run/dbus/pid && exec dbus-daemon --system --fork' || return
		libvirt_up_daemon virtlogd /run/libvirt/virtlogd-sock /usr/sbin/virtlogd -d || return
		libvirt_up_daemon libvirtd /run/libvirt/libvirt-sock /usr/sbin/libvirtd -d || return
	fi
	deadline=$(($(date +%s) + LIBVIRT_UP_SECONDS))
	until libvirt_up_answers; do
		if [ "$(date +%s)" -ge "$deadline" ]; then
			virsh -c "$LIBVIRT_UP_URI" uri >&2
			libvirt_up_fail "libvirtd was started but does not answer within $LIBVIRT_UP_SECONDS s; see /var/log/libvirt/libvirtd.log"
			return
		fi
		sleep 0.2
	done
}

case ${0##*/} in
libvirt-up.sh) libvirt_up ;;
esac
