/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hands out the machine's memory; layout.h says to whom. Everything is sets of ranges. */
#include "memory/layout.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"

#define LOW_END	   0xa0000ULL /* of RAM below the VGA's memory */
#define VGA_END	   0xc0000ULL
#define BIOS_START 0xe0000ULL
#define ROM_SIZE   (BIOS_START - VGA_END) /* where option ROMs are */
#define ROM_LIMIT  0x80000ULL		  /* from here on kernels look for tables, as in ROMs */
#define LARGE_PAGE (2 * MIB)
#define NO_LIMIT   (1ULL << 52)

#define E820_USABLE   1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4

/*
 * The pool: 4 MiB for all that is not a page table (VMCBs, stacks, rings, IOMMU device and
 * interrupt tables, the owner table as long as VMs get large pieces); 2 MiB a VM for the tables
 * around its borders and devices; and 1/512 of RAM, which is what tables with a 4 KiB leaf for
 * every page of the machine take: once for second-level tables, once for their mirror in an IOMMU.
 */
#define POOL_FIXED  (4 * MIB)
#define POOL_PER_VM (2 * MIB)
#define TABLE_SHARE 512

#define CONTROL_SPARE                                                                              \
	(64 * MIB) /* for the control VM's kernel to live on, beside what is loaded                \
		    */

static int fail(struct memory_layout *layout, enum reason reason, const char *problem,
		uint64_t missing)
{
	layout->reason = reason;
	layout->problem = problem;
	layout->missing = missing;
	switch (reason) {
	case REASON_MEMORY_TOO_SMALL:
		return -ENOMEM;
	case REASON_MODULE_MISSING:
		return -ENOENT;
	default:
		return -EBADMSG;
	}
}

static struct range page_range(uint64_t start, uint64_t size)
{
	uint64_t first = align_down(start, PAGE_SIZE);

	return (struct range){first, size == 0 ? 0 : align_up(start + size, PAGE_SIZE) - first};
}

static void remove_set(struct range_set *set, const struct range_set *other)
{
	for (size_t i = 0; i < other->count; i++)
		range_set_remove(set, other->ranges[i].start, other->ranges[i].size);
}

static void move(struct range_set *from, struct range_set *to, struct range range)
{
	range_set_remove(from, range.start, range.size);
	range_set_add(to, range.start, range.size);
}

static const struct boot_module *find_module(const struct boot_info *boot, const char *name)
{
	for (size_t i = 0; i < boot->module_count; i++)
		if (strcmp(boot->modules[i].name, name) == 0)
			return &boot->modules[i];
	return NULL;
}

static bool is_named(const struct manifest_vm *vm, const struct boot_module *module)
{
	return strcmp(module->name, vm->kernel) == 0 ||
	       (vm->initrd[0] != '\0' && strcmp(module->name, vm->initrd) == 0);
}

/* What lies in RAM already: the image, kept pages, and modules, the UI VM's for the core. */
static int take_loaded(const struct layout_input *input, struct memory_layout *layout,
		       size_t control)
{
	const struct boot_info *boot = input->boot;
	const struct manifest *manifest = input->manifest;
	struct range_set *free = &layout->scratch, *ram = &layout->vm_ram[control];
	struct range pages = page_range(input->image.start, input->image.size);

	for (size_t i = 0; i < manifest->vm_count; i++) {
		const struct manifest_vm *vm = &manifest->vms[i];

		if (!find_module(boot, vm->kernel))
			return fail(layout, REASON_MODULE_MISSING, vm->kernel, 0);
		if (vm->initrd[0] != '\0' && !find_module(boot, vm->initrd))
			return fail(layout, REASON_MODULE_MISSING, vm->initrd, 0);
	}
	if (!range_set_contains(free, pages.start, pages.size))
		return fail(layout, REASON_BOOT_INFO_BROKEN, "the core's image is not in RAM", 0);
	move(free, &layout->core, pages);
	for (size_t i = 0; i < input->keep_count; i++)
		move(free, &layout->core, page_range(input->keep[i].start, input->keep[i].size));
	for (size_t i = 0; i < boot->module_count; i++) {
		pages = page_range(boot->modules[i].start, boot->modules[i].size);
		if (!range_set_contains(free, pages.start, pages.size))
			return fail(layout, REASON_BOOT_INFO_BROKEN, "a boot module is not in RAM",
				    0);
	}
	for (size_t i = 0; i < boot->module_count; i++) {
		bool core = false;

		for (size_t vm = 0; vm < manifest->vm_count; vm++)
			core = core ||
			       (vm != control && is_named(&manifest->vms[vm], &boot->modules[i]));
		pages = page_range(boot->modules[i].start, boot->modules[i].size);
		move(free, core ? &layout->core : ram, pages);
	}
	remove_set(ram, &layout->core); /* pages that two modules share */
	return 0;
}

static int take_pool(const struct layout_input *input, struct memory_layout *layout, uint64_t total)
{
	struct range_set *free = &layout->scratch;
	uint64_t size = total / TABLE_SHARE * (input->identity ? 1 : 2) + POOL_FIXED +
			POOL_PER_VM * input->manifest->vm_count;
	uint64_t start;

	size = align_up(size, LARGE_PAGE);
	if (!range_set_take(free, size, LARGE_PAGE, MIB, 4 * GIB, &start) &&
	    !range_set_take(free, size, LARGE_PAGE, MIB, NO_LIMIT, &start))
		return fail(layout, REASON_MEMORY_TOO_SMALL, "the core",
			    size - range_set_largest(free, LARGE_PAGE, MIB, NO_LIMIT));
	range_set_add(&layout->core, start, size);
	layout->pool = hpa(start);
	layout->pool_size = size;
	return 0;
}

/* The UI VM's block. Large leaves want 1 GiB alignment; 32-bit DMA of the control VM's devices
 * wants the memory below 4 GiB. */
static int take_ui_ram(const struct layout_input *input, struct memory_layout *layout, size_t ui)
{
	const struct manifest_vm *vm = &input->manifest->vms[ui];
	const uint64_t size = align_down(vm->memory, LARGE_PAGE);
	struct range_set *free = &layout->scratch;
	uint64_t start, limit = input->identity ? 4 * GIB : NO_LIMIT;
	bool found = false;

	if (size == 0)
		return fail(layout, REASON_MEMORY_TOO_SMALL, vm->name, LARGE_PAGE);
	if (input->identity) {
		if (!range_set_take(free, MIB, MIB, MIB, NO_LIMIT, &start))
			return fail(layout, REASON_MEMORY_TOO_SMALL, vm->name, MIB);
		layout->ui_low = hpa(start);
		range_set_add(&layout->vm_ram[ui], start, MIB);
	}
	if (!input->identity && size >= GIB)
		found = range_set_take(free, size, GIB, 4 * GIB, NO_LIMIT, &start);
	if (!input->identity && !found)
		found = range_set_take(free, size, LARGE_PAGE, 4 * GIB, NO_LIMIT, &start);
	if (!found && size >= GIB)
		found = range_set_take(free, size, GIB, MIB, 4 * GIB, &start);
	if (!found)
		found = range_set_take(free, size, LARGE_PAGE, MIB, limit, &start);
	if (!found)
		return fail(layout, REASON_MEMORY_TOO_SMALL, vm->name,
			    size - range_set_largest(free, LARGE_PAGE, MIB, limit));
	layout->ui_ram = hpa(start);
	layout->ui_ram_size = size;
	range_set_add(&layout->vm_ram[ui], start, size);
	return 0;
}

static int add_map(struct memory_layout *layout, size_t vm, uint64_t start, uint64_t target,
		   uint64_t size, unsigned flags, bool firmware)
{
	struct layout_vm *v = &layout->vms[vm];

	if (size == 0)
		return 0;
	if (v->map_count == LAYOUT_MAX_MAPS)
		return fail(layout, REASON_BOOT_INFO_BROKEN, "the memory map has too many ranges",
			    0);
	v->maps[v->map_count++] =
		(struct layout_map){gpa(start), hpa(target), size, flags, firmware};
	return 0;
}

static int add_range(struct memory_layout *layout, size_t vm, uint64_t start, uint64_t size,
		     uint32_t type)
{
	struct layout_vm *v = &layout->vms[vm];
	struct boot_range *last = v->range_count > 0 ? &v->ranges[v->range_count - 1] : NULL;

	if (size == 0)
		return 0;
	if (last && last->type == type && last->start + last->size == start) {
		last->size += size;
		return 0;
	}
	if (v->range_count == LAYOUT_MAX_RANGES)
		return fail(layout, REASON_BOOT_INFO_BROKEN, "the memory map has too many ranges",
			    0);
	v->ranges[v->range_count++] = (struct boot_range){start, size, type};
	return 0;
}

/* The usable range with the VM's boot data, if that lies in it, as memory that its kernel keeps. */
static int add_usable(struct memory_layout *layout, size_t vm, uint64_t start, uint64_t size,
		      uint64_t boot_data_size)
{
	uint64_t data = gpa_value(layout->vms[vm].boot_data);
	int error;

	if (data - start >= size)
		return add_range(layout, vm, start, size, E820_USABLE);
	error = add_range(layout, vm, start, data - start, E820_USABLE);
	if (!error)
		error = add_range(layout, vm, data, boot_data_size, E820_ACPI);
	if (!error)
		error = add_range(layout, vm, data + boot_data_size,
				  start + size - data - boot_data_size, E820_USABLE);
	return error;
}

/*
 * The machine's map as a VM with GPA == HPA sees it: its own RAM usable, other RAM reserved, so
 * that nothing is put there; the firmware's with its types for the control VM.
 */
static int add_identity_ranges(const struct layout_input *input, struct memory_layout *layout,
			       size_t vm, const struct range_set *ram, uint64_t from, bool firmware)
{
	uint64_t boot_data = align_up(input->needs[vm].boot_data, PAGE_SIZE);
	int error = 0;

	for (size_t i = 0; i < input->boot->range_count && !error; i++) {
		const struct boot_range *range = &input->boot->ranges[i];
		uint64_t at = range->start, end = range->start + range->size;

		if (at < from)
			at = from < end ? from : end;
		if (range->type != E820_USABLE) {
			error = add_range(layout, vm, at, end - at,
					  firmware ? range->type : E820_RESERVED);
			continue;
		}
		for (size_t r = 0; r < ram->count && at < end && !error; r++) {
			uint64_t start = ram->ranges[r].start, stop = start + ram->ranges[r].size;

			if (stop <= at || start >= end)
				continue;
			start = start < at ? at : start;
			stop = stop > end ? end : stop;
			error = add_range(layout, vm, at, start - at, E820_RESERVED);
			if (!error)
				error = add_usable(layout, vm, start, stop - start, boot_data);
			at = stop;
		}
		if (!error)
			error = add_range(layout, vm, at, end - at, E820_RESERVED);
	}
	return error;
}

/* Finds room for kernel, initrd and boot data in the VM's memory, GPAs in layout->scratch. */
static int place(const struct layout_input *input, struct memory_layout *layout, size_t vm)
{
	const struct manifest_vm *manifest = &input->manifest->vms[vm];
	const struct layout_need *need = &input->needs[vm];
	const struct boot_module *initrd =
		manifest->initrd[0] == '\0' ? NULL : find_module(input->boot, manifest->initrd);
	struct layout_vm *v = &layout->vms[vm];
	struct range_set *room = &layout->scratch;
	uint64_t alignment = need->alignment < PAGE_SIZE ? PAGE_SIZE : need->alignment;
	uint64_t size = align_up(need->init_size, PAGE_SIZE), at = need->preferred;

	if (at >= MIB && at % alignment == 0 && at < 4 * GIB && size <= 4 * GIB - at &&
	    range_set_contains(room, at, size))
		range_set_remove(room, at, size);
	else if (!range_set_take(room, size, alignment, MIB, 4 * GIB, &at))
		return fail(layout, REASON_MEMORY_TOO_SMALL, manifest->name,
			    size - range_set_largest(room, alignment, MIB, 4 * GIB));
	v->kernel = gpa(at);

	size = align_up(need->boot_data, PAGE_SIZE);
	if (!range_set_take(room, size, PAGE_SIZE, MIB, 4 * GIB, &at))
		return fail(layout, REASON_MEMORY_TOO_SMALL, manifest->name,
			    size - range_set_largest(room, PAGE_SIZE, MIB, 4 * GIB));
	v->boot_data = gpa(at);

	if (!initrd || v->initrd_in_place)
		return 0;
	size = align_up(initrd->size, PAGE_SIZE);
	if (!range_set_take(room, size, PAGE_SIZE, MIB, 4 * GIB, &at))
		return fail(layout, REASON_MEMORY_TOO_SMALL, manifest->name,
			    size - range_set_largest(room, PAGE_SIZE, MIB, 4 * GIB));
	v->initrd = gpa(at);
	return 0;
}

static int lay_out_ui(const struct layout_input *input, struct memory_layout *layout, size_t ui)
{
	const unsigned flags = MAP_READ | MAP_WRITE | MAP_EXECUTE;
	uint64_t base = hpa_value(layout->ui_ram), size = layout->ui_ram_size;
	uint64_t boot_data = align_up(input->needs[ui].boot_data, PAGE_SIZE);
	uint64_t low_start =
		input->identity ? base : MIB; /* RAM below 4 GiB, but for the first MiB */
	uint64_t hole = align_down(input->mmio_start, LARGE_PAGE);
	uint64_t low = input->identity ? size : (size < hole ? size : hole) - MIB;
	uint64_t high = input->identity ? 0 : size - low - MIB;
	uint64_t first = input->identity ? hpa_value(layout->ui_low) : base;
	uint64_t rest = input->identity ? base : base + MIB;
	int error;

	layout->scratch.count = 0;
	range_set_add(&layout->scratch, low_start, low);
	error = place(input, layout, ui);
	if (error)
		return error;
	layout->vms[ui].ram = LOW_END + low + high;
	error = add_map(layout, ui, 0, first, LOW_END, flags, false);
	if (!error)
		error = add_map(layout, ui, VGA_END, first + VGA_END, MIB - VGA_END, flags, false);
	if (!error)
		error = add_map(layout, ui, low_start, rest, low, flags, false);
	if (!error)
		error = add_map(layout, ui, 4 * GIB, rest + low, high, flags, false);
	if (!error)
		error = add_range(layout, ui, 0, LOW_END, E820_USABLE);
	if (!error)
		error = add_range(layout, ui, LOW_END, MIB - LOW_END, E820_RESERVED);
	if (!error && input->identity) {
		layout->scratch.count = 0; /* the block without ui_low */
		range_set_add(&layout->scratch, low_start, low);
		return add_identity_ranges(input, layout, ui, &layout->scratch, MIB, false);
	}
	if (!error)
		error = add_usable(layout, ui, low_start, low, boot_data);
	if (!error)
		error = add_range(layout, ui, 4 * GIB, high, E820_USABLE);
	return error;
}

/* A piece of the firmware's memory, without what is somebody's or a device's. */
static int add_firmware(const struct layout_input *input, struct memory_layout *layout,
			size_t control, struct range range, unsigned flags)
{
	struct layout_vm *v = &layout->vms[control];
	struct range_set *left = &layout->scratch;
	int error = 0;

	left->count = 0;
	range_set_add(left, range.start, range.size);
	range_set_remove(left, LOW_END, BIOS_START - LOW_END);
	remove_set(left, &layout->core);
	for (size_t i = 0; i < input->manifest->vm_count; i++)
		remove_set(left, &layout->vm_ram[i]);
	for (size_t i = 0; i < v->map_count; i++)
		range_set_remove(left, hpa_value(v->maps[i].target), v->maps[i].size);
	for (size_t i = 0; i < input->device_count; i++) {
		struct range device = page_range(input->devices[i].start, input->devices[i].size);

		range_set_remove(left, device.start, device.size);
	}
	for (size_t i = 0; i < left->count && !error; i++)
		error = add_map(layout, control, left->ranges[i].start, left->ranges[i].start,
				left->ranges[i].size, flags, true);
	return error;
}

/* Zeros in place of the option ROMs, where kernels look for tables every 16 bytes, at the cost of
 * an exit each. Of the first megabyte, as Linux does not use it; without it, there is nothing. */
static void take_roms(const struct boot_info *boot, struct memory_layout *layout)
{
	uint64_t start;

	for (size_t i = 0; i < boot->range_count; i++)
		if (boot->ranges[i].type == E820_USABLE && boot->ranges[i].start < BIOS_START &&
		    boot->ranges[i].start + boot->ranges[i].size > VGA_END)
			return;
	if (range_set_take(&layout->scratch, ROM_SIZE, PAGE_SIZE, PAGE_SIZE, ROM_LIMIT, &start))
		layout->roms = hpa(start);
}

/* What the map lists of a range, which may begin and end anywhere. */
static int add_listed_firmware(const struct layout_input *input, struct memory_layout *layout,
			       size_t control, struct range range, unsigned flags)
{
	const struct boot_info *boot = input->boot;
	uint64_t end = range.start + range.size;
	int error = 0;

	for (size_t i = 0; i < boot->range_count && !error; i++) {
		uint64_t start = boot->ranges[i].start, stop = start + boot->ranges[i].size;

		start = start > range.start ? start : range.start;
		stop = stop < end ? stop : end;
		if (start < stop && boot->ranges[i].type <= E820_NVS)
			error = add_firmware(input, layout, control,
					     (struct range){start, stop - start}, flags);
	}
	return error;
}

/* ACPI memory and tables can be written, as Linux and AML do; the rest is only read. */
static int add_all_firmware(const struct layout_input *input, struct memory_layout *layout,
			    size_t control)
{
	const struct boot_info *boot = input->boot;
	uint64_t top = 0; /* of RAM below 4 GiB; behind it are the GPU's and SMM's memory */
	int error = 0;

	for (size_t i = 0; i < boot->range_count && !error; i++) {
		const struct boot_range *range = &boot->ranges[i];

		if (range->type != E820_RESERVED && range->start + range->size <= 4 * GIB)
			top = range->start + range->size;
		if (range->type == E820_ACPI || range->type == E820_NVS)
			error = add_firmware(input, layout, control,
					     (struct range){range->start, range->size},
					     MAP_READ | MAP_WRITE);
	}
	for (size_t i = 0; i < input->table_count && !error; i++)
		error = add_listed_firmware(
			input, layout, control,
			page_range(input->tables[i].start, input->tables[i].size),
			MAP_READ | MAP_WRITE);
	for (size_t i = 0; i < boot->range_count && !error; i++) {
		const struct boot_range *range = &boot->ranges[i];

		if (range->type == E820_RESERVED && range->start + range->size <= top)
			error = add_firmware(input, layout, control,
					     (struct range){range->start, range->size}, MAP_READ);
	}
	if (!error)
		error = add_firmware(input, layout, control,
				     (struct range){BIOS_START, MIB - BIOS_START}, MAP_READ);
	if (!error && hpa_value(layout->roms) != 0)
		error = add_map(layout, control, VGA_END, hpa_value(layout->roms), ROM_SIZE,
				MAP_READ, true);
	return error;
}

static int lay_out_control(const struct layout_input *input, struct memory_layout *layout,
			   size_t control)
{
	const struct boot_info *boot = input->boot;
	const struct manifest_vm *manifest = &input->manifest->vms[control];
	const struct range_set *ram = &layout->vm_ram[control];
	struct layout_vm *v = &layout->vms[control];
	uint64_t wanted =
		CONTROL_SPARE + input->needs[control].init_size + input->needs[control].boot_data;
	int error;

	layout->scratch = *ram;
	for (size_t i = 0; i < boot->module_count; i++) {
		const struct boot_module *module = &boot->modules[i];
		struct range pages = page_range(module->start, module->size);

		range_set_remove(&layout->scratch, pages.start, pages.size);
		if (manifest->initrd[0] == '\0' || strcmp(module->name, manifest->initrd) != 0)
			continue;
		wanted += module->size;
		v->initrd_in_place = module->start == pages.start &&
				     range_set_contains(ram, pages.start, pages.size);
		v->initrd = gpa(module->start);
	}
	v->ram = range_set_size(ram);
	if (v->ram < wanted)
		return fail(layout, REASON_MEMORY_TOO_SMALL, manifest->name, wanted - v->ram);
	error = place(input, layout, control);
	for (size_t i = 0; i < ram->count && !error; i++)
		error = add_map(layout, control, ram->ranges[i].start, ram->ranges[i].start,
				ram->ranges[i].size, MAP_READ | MAP_WRITE | MAP_EXECUTE, false);
	if (!error)
		error = add_all_firmware(input, layout, control);
	if (!error)
		error = add_identity_ranges(input, layout, control, ram, 0, true);
	return error;
}

int layout_decide(const struct layout_input *input, struct memory_layout *layout)
{
	const struct boot_info *boot = input->boot;
	struct range_set *free = &layout->scratch;
	bool full;
	uint64_t total;
	size_t control;
	int error;

	CORE_ASSERT(input->manifest->vm_count == 2 && input->mmio_start >= 16 * MIB &&
		    input->mmio_start <= 4 * GIB);
	control = input->manifest->vms[0].control ? 0 : 1;
	memset(layout, 0, sizeof(*layout));
	for (size_t i = 0; i < boot->range_count; i++)
		if (boot->ranges[i].type == E820_USABLE)
			range_set_add(free, boot->ranges[i].start, boot->ranges[i].size);
	total = range_set_size(free);
	error = take_loaded(input, layout, control);
	if (!error)
		error = take_pool(input, layout, total);
	if (!error)
		error = take_ui_ram(input, layout, 1 - control);
	if (!error)
		take_roms(boot, layout);
	for (size_t i = 0; i < free->count; i++)
		range_set_add(&layout->vm_ram[control], free->ranges[i].start,
			      free->ranges[i].size);
	full = free->full;
	if (!error)
		error = lay_out_ui(input, layout, 1 - control);
	if (!error)
		error = lay_out_control(input, layout, control);
	full = full || layout->core.full || layout->vm_ram[0].full || layout->vm_ram[1].full ||
	       layout->scratch.full;
	if (!error && full)
		error = fail(layout, REASON_BOOT_INFO_BROKEN, "the memory map has too many ranges",
			     0);
	return error;
}

static void add_owned(const struct range *range, enum owner owner)
{
	CORE_ASSERT(owner_add(hpa(range->start), range->size, PAGE_RAM, owner) == 0);
}

void layout_apply(const struct memory_layout *layout)
{
	frame_init(layout->pool, layout->pool_size);
	owner_init();
	for (size_t i = 0; i < layout->core.count; i++)
		add_owned(&layout->core.ranges[i], OWNER_CORE);
	if (hpa_value(layout->roms) != 0)
		memset(frame_virt(layout->roms), 0, ROM_SIZE);
	for (unsigned vm = 0; vm < MANIFEST_MAX_VMS; vm++) {
		const struct layout_vm *v = &layout->vms[vm];

		for (size_t i = 0; i < layout->vm_ram[vm].count; i++)
			add_owned(&layout->vm_ram[vm].ranges[i], (enum owner)(OWNER_VM_FIRST + vm));
		for (size_t i = 0; i < v->map_count; i++)
			if (v->maps[i].firmware)
				add_owned(&(struct range){hpa_value(v->maps[i].target),
							  v->maps[i].size},
					  (enum owner)(OWNER_VM_FIRST + vm));
	}
}

int layout_map(const struct layout_vm *vm, struct space *space, bool dma)
{
	int error = 0;

	for (size_t i = 0; i < vm->map_count && !error; i++) {
		const struct layout_map *map = &vm->maps[i];

		if (!dma || !map->firmware)
			error = space_map(space, map->start, map->target, map->size, PAGE_RAM,
					  map->flags);
	}
	return error;
}
