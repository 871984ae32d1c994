/* Dates and times as text. */
#ifndef LITELIFT_MOMENTS_H
#define LITELIFT_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

enum { STAMP_BYTES = 32 };

typedef struct {
    int64_t days;    /* since 1970-01-01 */
    int64_t time;    /* microseconds since midnight */
    int64_t shift;   /* microseconds to take away for UTC */
    int decimals;    /* of a second that are needed */
    bool has_offset; /* Z too */
    bool plain;      /* YYYY-MM-DD HH:MM:SS, with at most six decimals */
} Moment;

/* Read YYYY-MM-DD, alone or with a time and an offset. False for everything that is not surely one. */
bool read_moment(const char *text, size_t size, Moment *moment);

/* Read HH:MM[:SS[.ffffff]]. */
bool read_clock(const char *text, size_t size, Moment *moment);

bool read_day(const char *text, int64_t *days);

/* As Python's isoformat() writes them; each returns the size. */
size_t day_text(int64_t days, char *text);
size_t clock_text(int64_t time, char *text);

/* Whether days since 1970 are in the years 1 to 9999. */
bool has_year(int64_t days);

#endif
