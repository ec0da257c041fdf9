/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of every unmap: flush first, then give back what the old translations may have led to. */
#include "memory/flush.h"

#include "lib/log.h"
#include "memory/frame.h"
#include "memory/owner.h"
#include "memory/table.h"

void flush_check_consumed(struct flush *token)
{
	CORE_ASSERT(!token->space);
}

void flush_consume(struct flush *token)
{
	hpa_t next;

	if (!token->space)
		return;
	CORE_ASSERT(token->space->flush);
	token->space->flush(token->space);
	for (size_t i = 0; i < token->ranges; i++)
		owner_put(token->range[i].start, token->range[i].size);
	for (hpa_t table = token->tables; hpa_value(table) != 0; table = next) {
		next = hpa(*(uint64_t *)frame_virt(table));
		frame_free_table(table);
	}
	token->tables = hpa(0);
	token->ranges = 0;
	token->space = NULL;
}
