# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian packages that Mullion needs, and how to have them. Sourced by scripts/try and
# scripts/check, so that the README's commands, CI and this list cannot drift apart.

packages_build="autoconf automake make gcc pkg-config libsdl2-dev libpixman-1-dev libgtk-3-dev
	libcairo2-dev libpango1.0-dev libvirt-dev libwayland-dev libwayland-bin wayland-protocols
	libxkbcommon-dev libglib2.0-dev libjson-glib-dev libxml2-dev libcmocka-dev grub-common"
packages_run="libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils ovmf swtpm
	swtpm-tools dbus xkb-data fonts-dejavu-core adwaita-icon-theme librsvg2-common"
# The bare-metal core's images, boot disc and emulated laptop. Debian's kernel, BusyBox and the console
# font are fetched by scripts/core-images, not installed.
packages_core="linux-headers-amd64 libdrm-dev zstd cpio kmod qemu-system-x86 ovmf grub-pc-bin
	grub-efi-amd64-bin xorriso mtools e2fsprogs squashfs-tools socat jq curl imagemagick procps"
# Two real systems for `scripts/try`.
packages_guests="debian-installer-12-netboot-amd64 memtest86+"
packages_tests="jq xvfb xauth xdotool x11-utils imagemagick clang libclang-rt-14-dev clang-format
	cppcheck sparse acpica-tools man-db libxml2-utils procps xz-utils"

# Installs those of the named packages that are missing; says so before it does.
packages_need() {
	local missing=() package sudo=
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] ||
			missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || {
			echo "mullion: these packages are missing, and there is no sudo to install them:" \
				"${missing[*]}; install them as root and try again" >&2
			return 1
		}
		sudo=sudo
	fi
	echo "mullion: installing ${#missing[@]} Debian packages: ${missing[*]}"
	$sudo apt-get update -q &&
		DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends \
			"${missing[@]}"
}
