/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back to the boot loader's picture, for a panic: once the UI VM's driver shows its own
 * memory, what is drawn into the framebuffer is seen by nobody.
 */
#ifndef CORE_PCI_DISPLAY_H
#define CORE_PCI_DISPLAY_H

/* After pci_scan(). Makes the panic's screen_take_back() go through here first. What it does:
 * memory decoding of display functions on; virtio ones are reset, which gives their VGA part the
 * screen again. Other GPUs are left as they are: a reset would take even the last picture away. */
void display_init(void);

#endif
