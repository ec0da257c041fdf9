#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The core boots the emulated laptop to both service VMs, through GRUB on BIOS and on UEFI, with each
# IOMMU; display, keyboards, pointers, network and disk work in the VM that owns them.
. "${srcdir:-.}/tests/core/rig.sh"

# Each combination with another network card than the one before it, and two with more CPUs.
for combination in "amd bios virtio 2" "intel bios e1000e 3" "amd ovmf e1000e 4" "intel ovmf virtio 2"; do
	read -r core_iommu core_firmware core_nic core_cpus <<<"$combination"
	rig_new
	core_boot && core_steps || die "$combination"
	ok "$combination"
done
