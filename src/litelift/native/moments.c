#include "moments.h"

#include <string.h>

#include "buffer.h"

enum { FIRST_DAY = -719162, LAST_DAY = 2932896 };

bool has_year(int64_t days) { return days >= FIRST_DAY && days <= LAST_DAY; }

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static bool read_two(const char *text, int *value) {
    if (!is_digit(text[0]) || !is_digit(text[1])) return false;
    *value = (text[0] - '0') * 10 + (text[1] - '0');
    return true;
}

/* Without branches here and below, for the processor cannot guess a date. */
static int is_leap(int year) { return (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)); }

static int month_days(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + ((month == 2) & is_leap(year));
}

static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

/* Days from 0001-01-01 to the year's first of January. */
static int64_t days_of_years(int year) {
    int64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

/* Whether eight bytes are YYYY-MM-, looked at together. */
static bool is_year_and_month(const char *text) {
    uint64_t word, zeros, dashes;
    memcpy(&word, text, 8);
    memcpy(&zeros, "0000-00-", 8);
    memcpy(&dashes, "\0\0\0\0\377\0\0\377", 8);
    word ^= zeros;
    /* A byte of more than nine reaches the high bit; those that are there already need no carry. */
    uint64_t over = (word & UINT64_C(0x7F7F7F7F7F7F7F7F)) + UINT64_C(0x7676767676767676);
    return ((over | word) & UINT64_C(0x8080808080808080)) == 0 && (word & dashes) == 0;
}

static int digit(char byte) { return byte - '0'; }

bool read_day(const char *text, int64_t *days) {
    int day;
    if (!is_year_and_month(text) || !read_two(text + 8, &day)) return false;
    int year = digit(text[0]) * 1000 + digit(text[1]) * 100 + digit(text[2]) * 10 + digit(text[3]);
    int month = digit(text[5]) * 10 + digit(text[6]);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month)) return false;
    *days = FIRST_DAY + days_of_years(year) + days_before[month - 1] + ((month > 2) & is_leap(year)) + day - 1;
    return true;
}

/* Read HH:MM[:SS[.f...]] at the start of the text; `taken` is where it ends. */
static bool read_time(const char *text, size_t size, Moment *moment, size_t *taken) {
    int hour, minute, second = 0;
    if (size < 5 || !read_two(text, &hour) || text[2] != ':' || !read_two(text + 3, &minute)) return false;
    size_t at = 5;
    int64_t micro = 0;
    moment->decimals = 0;
    moment->plain = false;
    if (size - at >= 3 && text[at] == ':') {
        if (!read_two(text + at + 1, &second)) return false;
        at += 3;
        moment->plain = true;
        if (at < size && (text[at] == '.' || text[at] == ',')) {
            if (text[at] == ',') moment->plain = false;
            size_t start = ++at;
            int64_t unit = SECOND;
            for (; at < size && is_digit(text[at]); at++) {
                unit /= 10;
                micro += unit * (text[at] - '0');
                if (text[at] != '0') moment->decimals = (int)(at - start) + 1;
                if (at - start >= 40) return false;
            }
            if (at == start) return false;
            if (at - start > 6) moment->plain = false;
        }
    }
    if (hour > 23 || minute > 59 || second > 59) return false;
    moment->time = (hour * 3600 + minute * 60 + second) * SECOND + micro;
    *taken = at;
    return true;
}

/* Z, UTC, GMT, +HH, +HHMM or +HH:MM. */
static bool read_offset(const char *text, size_t size, Moment *moment) {
    moment->has_offset = true;
    if (size == 1) return text[0] == 'Z' || text[0] == 'z';
    if (size == 3 && (memcmp(text, "UTC", 3) == 0 || memcmp(text, "GMT", 3) == 0)) return true;
    int hours, minutes = 0;
    if (size < 3 || (text[0] != '+' && text[0] != '-') || !read_two(text + 1, &hours)) return false;
    if (size > 3) {
        const char *rest = text + 3 + (text[3] == ':');
        if (size - (size_t)(rest - text) != 2 || !read_two(rest, &minutes)) return false;
    }
    if (hours > 15 || minutes > 59) return false;
    moment->shift = (hours * 60 + minutes) * 60 * SECOND * (text[0] == '+' ? 1 : -1);
    return true;
}

bool read_moment(const char *text, size_t size, Moment *moment) {
    memset(moment, 0, sizeof *moment);
    if (size < 10 || !read_day(text, &moment->days)) return false;
    if (size == 10) return true;
    if (text[10] != ' ' && text[10] != 'T') return false;
    size_t taken;
    if (!read_time(text + 11, size - 11, moment, &taken)) return false;
    if (text[10] == 'T') moment->plain = false;
    taken += 11;
    if (taken == size) return true;
    moment->plain = false;
    if (text[taken] == ' ') taken++;
    return read_offset(text + taken, size - taken, moment);
}

bool read_clock(const char *text, size_t size, Moment *moment) {
    memset(moment, 0, sizeof *moment);
    size_t taken;
    return read_time(text, size, moment, &taken) && taken == size;
}

static void write_two(char *text, int value) {
    text[0] = (char)('0' + value / 10);
    text[1] = (char)('0' + value % 10);
}

size_t day_text(int64_t days, char *text) {
    int64_t left = days - FIRST_DAY;
    /* 146097 days are 400 years; the estimate is at most one year late. */
    int year = (int)(left * 400 / 146097) + 1;
    if (days_of_years(year) > left) year--;
    if (days_of_years(year + 1) <= left) year++;
    int day = (int)(left - days_of_years(year));
    int month = 1;
    while (day >= month_days(year, month)) day -= month_days(year, month++);
    write_two(text, year / 100);
    write_two(text + 2, year % 100);
    text[4] = text[7] = '-';
    write_two(text + 5, month);
    write_two(text + 8, day + 1);
    return 10;
}

size_t clock_text(int64_t time, char *text) {
    int seconds = (int)(time / SECOND), micro = (int)(time % SECOND);
    write_two(text, seconds / 3600);
    text[2] = text[5] = ':';
    write_two(text + 3, seconds / 60 % 60);
    write_two(text + 6, seconds % 60);
    if (micro == 0) return 8;
    text[8] = '.';
    write_two(text + 9, micro / 10000);
    write_two(text + 11, micro / 100 % 100);
    write_two(text + 13, micro % 100);
    return 15;
}
