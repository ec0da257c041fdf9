/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's page tables, walked for an instruction fetch. */
#include "vm/walk.h"

#include "lib/errno.h"
#include "x86/cpu.h"

#define GUEST_CR0_WP   (1ULL << 16)
#define GUEST_CR0_PG   (1ULL << 31)
#define GUEST_CR4_PSE  (1ULL << 4)
#define GUEST_CR4_PAE  (1ULL << 5)
#define GUEST_CR4_LA57 (1ULL << 12)
#define GUEST_CR4_SMEP (1ULL << 20)
#define GUEST_CR4_SMAP (1ULL << 21)

#define ENTRY_PRESENT (1ULL << 0)
#define ENTRY_WRITE   (1ULL << 1)
#define ENTRY_USER    (1ULL << 2)
#define ENTRY_LARGE   (1ULL << 7)
#define ENTRY_NX      (1ULL << 63)
#define ENTRY_ADDRESS 0x000ffffffffff000ULL

/* What all levels allow together. */
static bool allows(const struct vcpu_mode *mode, unsigned access, bool user_page, bool writable,
		   bool nx)
{
	if (access & WALK_FETCH && nx)
		return false;
	if (access & WALK_WRITE && !writable && (access & WALK_USER || mode->cr0 & GUEST_CR0_WP))
		return false;
	if (access & WALK_USER)
		return user_page;
	if (access & WALK_FETCH)
		return !user_page || !(mode->cr4 & GUEST_CR4_SMEP);
	return !user_page || !(mode->cr4 & GUEST_CR4_SMAP) || (mode->rflags & RFLAGS_AC);
}

static int walk_32bit(const struct vcpu_mode *mode, walk_read *read, void *user, uint32_t linear,
		      unsigned access, gpa_t *address)
{
	uint32_t directory, table = 0;

	if (read(user, gpa((mode->cr3 & 0xfffff000) + (linear >> 22) * 4), &directory, 4) ||
	    !(directory & ENTRY_PRESENT))
		return -EFAULT;
	if (directory & ENTRY_LARGE && mode->cr4 & GUEST_CR4_PSE) {
		/* PSE-36: bits 13 to 20 are bits 32 to 39 of the address; bit 21 is reserved. */
		if (directory & 1U << 21 ||
		    !allows(mode, access, directory & ENTRY_USER, directory & ENTRY_WRITE, false))
			return -EFAULT;
		*address = gpa((uint64_t)(directory >> 13 & 0xff) << 32 | (directory & 0xffc00000) |
			       (linear & 0x3fffff));
		return 0;
	}
	if (read(user, gpa((directory & 0xfffff000) + (linear >> 12 & 0x3ff) * 4), &table, 4) ||
	    !(table & ENTRY_PRESENT) ||
	    !allows(mode, access, directory & table & ENTRY_USER, directory & table & ENTRY_WRITE,
		    false))
		return -EFAULT;
	*address = gpa((table & 0xfffff000) | (linear & 0xfff));
	return 0;
}

/* PAE and long mode: 8-byte entries. levels: 3, 4 or 5. */
static int walk_64bit(const struct vcpu_mode *mode, walk_read *read, void *user, uint64_t linear,
		      unsigned levels, unsigned access, gpa_t *address)
{
	bool long_mode = levels > 3;
	uint64_t table = mode->cr3 & (long_mode ? ENTRY_ADDRESS : 0xffffffe0);
	bool user_page = true, writable = true, nx = false;

	for (unsigned level = levels; level > 0; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		/* PAE's top table has four entries, without rights. */
		bool top_of_pae = !long_mode && level == 3;
		uint64_t index = linear >> shift & (top_of_pae ? 3 : 0x1ff), entry;

		if (read(user, gpa(table + index * 8), &entry, 8) || !(entry & ENTRY_PRESENT))
			return -EFAULT;
		if (!top_of_pae) {
			user_page = user_page && entry & ENTRY_USER;
			writable = writable && entry & ENTRY_WRITE;
		}
		/* Without NXE, and in PAE's top, the bit is reserved: a fault as well. */
		nx = nx || entry & ENTRY_NX;
		if (level > 1 && entry & ENTRY_LARGE) {
			uint64_t inside = (1ULL << shift) - 1;

			/* Reserved above 1 GiB, in PAE's top, and between address and PAT bit. */
			if (level > 3 || top_of_pae || entry & inside & ~0x1fffULL)
				return -EFAULT;
			table = (entry & ENTRY_ADDRESS & ~inside) | (linear & inside & ~0xfffULL);
			break;
		}
		table = entry & ENTRY_ADDRESS;
	}
	if (!allows(mode, access, user_page, writable, nx))
		return -EFAULT;
	*address = gpa(table | (linear & 0xfff));
	return 0;
}

static bool is_canonical(uint64_t linear, unsigned bits)
{
	return (uint64_t)((int64_t)(linear << (64 - bits)) >> (64 - bits)) == linear;
}

int walk_access(const struct vcpu_mode *mode, walk_read *read, void *user, uint64_t linear,
		unsigned access, gpa_t *address)
{
	unsigned levels = mode->cr4 & GUEST_CR4_LA57 ? 5 : 4;

	if (!mode->long_mode)
		linear = (uint32_t)linear;
	if (!(mode->cr0 & GUEST_CR0_PG)) {
		*address = gpa(linear);
		return 0;
	}
	if (mode->efer & EFER_LMA) {
		if (!is_canonical(linear, 12 + 9 * levels))
			return -EFAULT;
		return walk_64bit(mode, read, user, linear, levels, access, address);
	}
	if (mode->cr4 & GUEST_CR4_PAE)
		return walk_64bit(mode, read, user, linear, 3, access, address);
	return walk_32bit(mode, read, user, (uint32_t)linear, access, address);
}

int walk_linear(const struct vcpu_mode *mode, walk_read *read, void *user, uint64_t linear,
		gpa_t *address)
{
	return walk_access(mode, read, user, linear, WALK_FETCH | (mode->cpl == 3 ? WALK_USER : 0),
			   address);
}

size_t walk_fetch(const struct vcpu_mode *mode, walk_read *read, void *user, uint8_t *to,
		  size_t size)
{
	uint64_t linear = mode->rip + (mode->long_mode ? 0 : mode->cs_base);
	size_t done = 0;

	while (done < size) {
		size_t left = (size_t)(PAGE_SIZE - (linear + done) % PAGE_SIZE);
		size_t part = size - done < left ? size - done : left;
		gpa_t address;

		if (walk_linear(mode, read, user, linear + done, &address) ||
		    read(user, address, to + done, part))
			break;
		done += part;
	}
	return done;
}
