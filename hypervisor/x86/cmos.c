/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of the CMOS clock as a time. */
#include "x86/cmos.h"

#define STATUS_B_24_HOURS (1U << 1)
#define STATUS_B_BINARY	  (1U << 2)
#define HOUR_PM		  0x80

static unsigned number(uint8_t value, uint8_t status_b)
{
	if ((status_b & STATUS_B_BINARY) != 0)
		return value;
	if ((value & 0x0f) > 9)
		return UINT32_MAX;
	return (value >> 4) * 10U + (value & 0x0f);
}

uint64_t cmos_seconds(const struct cmos_time *untrusted_time)
{
	static const uint16_t days_before[] = {0,   31,	 59,  90,  120, 151, 181,
					       212, 243, 273, 304, 334, 365};
	const struct cmos_time *t = untrusted_time;
	bool pm = (t->hour & HOUR_PM) != 0 && (t->status_b & STATUS_B_24_HOURS) == 0;
	unsigned second = number(t->second, t->status_b);
	unsigned minute = number(t->minute, t->status_b);
	unsigned hour = number(pm ? t->hour & 0x7f : t->hour, t->status_b);
	unsigned day = number(t->day, t->status_b);
	unsigned month = number(t->month, t->status_b);
	unsigned year = number(t->year, t->status_b);
	bool leap = year % 4 == 0;
	uint64_t days;

	if ((t->status_b & STATUS_B_24_HOURS) == 0) {
		if (hour < 1 || hour > 12)
			return 0;
		hour = hour % 12 + (pm ? 12 : 0); /* 12 comes before 1 */
	}
	if (second > 59 || minute > 59 || hour > 23 || month < 1 || month > 12 || year > 99)
		return 0;
	if (day < 1 || day > (unsigned)(days_before[month] - days_before[month - 1]) +
				       (month == 2 && leap ? 1 : 0))
		return 0;
	/* 10,957 days from 1970 to 2000. */
	days = 10957 + year * 365 + (year + 3) / 4 + days_before[month - 1] +
	       (month > 2 && leap ? 1 : 0) + day - 1;
	return days * 86400 + hour * 3600 + minute * 60 + second;
}
