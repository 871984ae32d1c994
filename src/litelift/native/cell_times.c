/* Dates and times as fields: the forms that need no more than a look (prove/times.py reads all others). */
#include "cells.h"

#include "sqlite_api.h"

enum { MINUTES = 1440, MOST_DECIMALS = 6 };

typedef struct {
    int year, month, day;
    int minute; /* of the day */
    int second;
    int decimals; /* that `fraction` has, without zeros at its end */
    char fraction[MOST_DECIMALS];
} Clock;

static bool number(const char *text, int size, int *value) {
    *value = 0;
    for (int at = 0; at < size; at++) {
        if (text[at] < '0' || text[at] > '9') return false;
        *value = *value * 10 + (text[at] - '0');
    }
    return true;
}

static int days_of(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool look_at_day(const char *text, Clock *clock) {
    return number(text, 4, &clock->year) && text[4] == '-' && number(text + 5, 2, &clock->month) && text[7] == '-' &&
           number(text + 8, 2, &clock->day) && clock->year >= 1 && clock->month >= 1 && clock->month <= 12 &&
           clock->day >= 1 && clock->day <= days_of(clock->year, clock->month);
}

/* HH:MM, seconds and decimals. Returns how much of the text they are; 0 where they are none. */
static size_t look_at_clock(const char *text, size_t size, Clock *clock) {
    int hour, minute;
    clock->second = clock->decimals = 0;
    if (size < 5 || !number(text, 2, &hour) || text[2] != ':' || !number(text + 3, 2, &minute)) return 0;
    if (hour > 23 || minute > 59) return 0;
    clock->minute = hour * 60 + minute;
    if (size < 8 || text[5] != ':') return 5;
    if (!number(text + 6, 2, &clock->second) || clock->second > 59) return 0;
    size_t end = 8;
    if (size > end && text[end] == '.') {
        for (end++; end < size && text[end] >= '0' && text[end] <= '9'; end++) {
            if (end - 9 >= MOST_DECIMALS) return 0;
            clock->fraction[end - 9] = text[end];
            if (text[end] != '0') clock->decimals = (int)(end - 9) + 1;
        }
    }
    return end;
}

/* Z, or +HH, +HHMM, +HH:MM: minutes to take away for UTC. False for all else. */
static bool look_at_offset(const char *text, size_t size, int *minutes) {
    int hours = 0, rest = 0;
    *minutes = 0;
    if (size == 0 || (size == 1 && text[0] == 'Z')) return true;
    if ((text[0] != '+' && text[0] != '-') || size < 3 || !number(text + 1, 2, &hours) || hours > 15) return false;
    if (size == 5) {
        if (!number(text + 3, 2, &rest)) return false;
    } else if (size == 6) {
        if (text[3] != ':' || !number(text + 4, 2, &rest)) return false;
    } else if (size != 3) {
        return false;
    }
    if (rest > 59) return false;
    *minutes = (text[0] == '-' ? -1 : 1) * (hours * 60 + rest);
    return true;
}

/* Take `minutes`, fewer than a day's, away. False where the year is then not one of 1 to 9999. */
static bool take_away(Clock *clock, int minutes) {
    clock->minute -= minutes;
    if (clock->minute < 0) {
        clock->minute += MINUTES;
        if (--clock->day == 0) {
            if (--clock->month == 0) {
                clock->month = 12;
                clock->year--;
            }
            if (clock->year < 1) return false;
            clock->day = days_of(clock->year, clock->month);
        }
    } else if (clock->minute >= MINUTES) {
        clock->minute -= MINUTES;
        if (++clock->day > days_of(clock->year, clock->month)) {
            clock->day = 1;
            if (++clock->month > 12) {
                clock->month = 1;
                clock->year++;
            }
        }
    }
    return clock->year <= 9999;
}

static void put_number(int value, int size, Buffer *out) {
    for (int at = size - 1; at >= 0; at--, value /= 10) out->data[out->size + (size_t)at] = (char)('0' + value % 10);
    out->size += (size_t)size;
}

static void put_day(const Clock *clock, Buffer *out) {
    put_number(clock->year, 4, out);
    put_byte(out, '-');
    put_number(clock->month, 2, out);
    put_byte(out, '-');
    put_number(clock->day, 2, out);
}

static void put_clock(const Clock *clock, Buffer *out) {
    put_number(clock->minute / 60, 2, out);
    put_byte(out, ':');
    put_number(clock->minute % 60, 2, out);
    put_byte(out, ':');
    put_number(clock->second, 2, out);
    if (clock->decimals > 0) {
        put_byte(out, '.');
        put_bytes(out, clock->fraction, (size_t)clock->decimals);
    }
}

bool cell_date(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)column;
    Clock clock;
    if (cell->kind != SQLITE_TEXT || cell->size < 10 || !look_at_day(bytes, &clock)) return false;
    if (cell->size != 10) {
        if (cell->size != 19 || (bytes[10] != ' ' && bytes[10] != 'T')) return false;
        if (memcmp(bytes + 11, "00:00:00", 8) != 0) return false;
    }
    put_bytes(out, bytes, 10);
    return true;
}

/* The day that is so many days after 1970-01-01, by the number of days before each year. */
static bool day_after(int64_t days, Clock *clock) {
    const int64_t first = -719162, last = 2932896; /* of the years 1 and 9999 */
    if (days < first || days > last) return false;
    int64_t left = days - first, before;
    int year = (int)(left / 366) + 1;
    for (;; year++) {
        int64_t next = (int64_t)year * 365 + year / 4 - year / 100 + year / 400;
        if (left < next) break;
    }
    before = (int64_t)(year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    left -= before;
    int month = 1;
    while (left >= days_of(year, month)) left -= days_of(year, month++);
    clock->year = year;
    clock->month = month;
    clock->day = (int)left + 1;
    return true;
}

/* How many decimals of a second a whole number since 1970 counts (moment_of_number in prove/times.py); 9 for others. */
static int counted(int64_t value, int least) {
    int64_t unit = 1;
    for (int decimals = 0; decimals <= 6; decimals += 3, unit *= 1000)
        if (value >= INT64_C(253402214400) * unit && value < INT64_C(253402300800) * unit) return decimals;
    unit = 1;
    for (int decimals = 0; decimals <= 6; decimals += 3, unit *= 1000) {
        if (decimals < least) continue;
        if (value >= INT64_C(-62135596800) * unit && value < INT64_C(100000000000) * unit) return decimals;
    }
    return 9;
}

static bool read_number(const Column *column, int64_t value, Clock *clock) {
    if (column->second < 0) return false;
    int decimals = counted(value, column->second);
    if (decimals > 6) return false;
    int64_t unit = decimals == 0 ? 1 : decimals == 3 ? 1000 : 1000000;
    int64_t seconds = value / unit, fraction = value % unit;
    if (fraction < 0) {
        fraction += unit;
        seconds--;
    }
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    clock->minute = (int)(rest / 60);
    clock->second = (int)(rest % 60);
    clock->decimals = 0;
    for (int at = decimals - 1; at >= 0; at--, fraction /= 10) {
        clock->fraction[at] = (char)('0' + fraction % 10);
        if (clock->decimals == 0 && fraction % 10 != 0) clock->decimals = at + 1;
    }
    return day_after(days, clock);
}

bool cell_timestamp(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    Clock clock;
    if (cell->kind == SQLITE_INTEGER) {
        if (!read_number(column, cell->value.integer, &clock)) return false;
    } else {
        if (cell->kind != SQLITE_TEXT || cell->size < 10 || !look_at_day(bytes, &clock)) return false;
        clock.minute = clock.second = clock.decimals = 0;
        if (cell->size > 10) {
            if (bytes[10] != ' ' && bytes[10] != 'T') return false;
            size_t used = look_at_clock(bytes + 11, cell->size - 11, &clock);
            int minutes;
            if (used == 0 || !look_at_offset(bytes + 11 + used, cell->size - 11 - used, &minutes)) return false;
            if (minutes != 0 && !take_away(&clock, minutes)) return false;
        }
    }
    if (clock.decimals > column->first) return false;
    put_day(&clock, out);
    put_byte(out, ' ');
    put_clock(&clock, out);
    if (column->reading == READ_TIMESTAMPTZ) put_bytes(out, "+00", 3);
    return true;
}

bool cell_time(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    Clock clock;
    if (cell->kind != SQLITE_TEXT || look_at_clock(bytes, cell->size, &clock) != cell->size) return false;
    if (clock.decimals > column->first || cell->size == 0) return false;
    put_clock(&clock, out);
    return true;
}
