/* Decimal numbers as fields: the shortest digits that a double is read from, as Python's repr() finds them. */
#include "cells.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "sqlite_api.h"

enum { FEW = 9, SURE = 15, MOST = 17, PRINTED = 40 };

static const double tens[FEW + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* 0.DIGITS * 10^point, without zeros at its end. */
typedef struct {
    char digits[PRINTED];
    int count;
    int point;
} Number;

static int after_point(const Number *number) { return number->count > number->point ? number->count - number->point : 0; }

/* A positive double that is a whole number of at most fifteen digits, or such a one divided by a small power of ten.
 *
 * Both are exact doubles, so that the quotient is what the decimal is read as; and no two decimals of so few digits
 * are read as the same double (Goldberg, "What Every Computer Scientist Should Know", theorem 15). The column's scale
 * is tried first. */
static bool few_decimals(double value, int scale, Number *number) {
    for (int power = scale > 0 && scale <= FEW ? scale : 0; power <= FEW; power++) {
        double scaled = value * tens[power];
        if (!(scaled < 1e15)) return false;
        uint64_t whole = (uint64_t)(scaled + 0.5);
        if (whole == 0 || (double)whole / tens[power] != value) continue;
        for (; whole % 10 == 0; power--) whole /= 10;
        char digits[WHOLE_BYTES];
        int at = WHOLE_BYTES;
        for (uint64_t rest = whole; rest != 0; rest /= 10) digits[--at] = (char)('0' + rest % 10);
        number->count = WHOLE_BYTES - at;
        memcpy(number->digits, digits + at, (size_t)number->count);
        number->point = number->count - power;
        return true;
    }
    return false;
}

/* So many digits, rounded from the exact value. Returns whether they are read as it. */
static bool printed(double value, int count, Number *number) {
    char text[PRINTED];
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    const char *at = text;
    number->count = 0;
    /* The locale may have another sign for the point: all that is no digit is passed over. */
    for (; *at != 'e' && *at != '\0'; at++)
        if (*at >= '0' && *at <= '9') number->digits[number->count++] = *at;
    while (number->count > 1 && number->digits[number->count - 1] == '0') number->count--;
    number->point = (*at == 'e' ? atoi(at + 1) : 0) + 1;
    return strtod(text, NULL) == value;
}

static bool shortest(double value, int scale, Number *number) {
    if (few_decimals(value, scale, number)) return true;
    /* Doubles below have fewer digits, of which printf's are not the shortest. */
    if (value < DBL_MIN) return false;
    for (int count = SURE; count <= MOST; count++) {
        if (printed(value, count, number)) return true;
        /* The neighbour below a power of two is nearer than the one above, and so the nearest decimal may be read as
         * another double where the next is not. */
        int exponent;
        if (count == MOST - 1 && frexp(value, &exponent) == 0.5) return false;
    }
    return false;
}

static void put_zeros(int count, Buffer *out) {
    if (count <= 0) return;
    memset(out->data + out->size, '0', (size_t)count);
    out->size += (size_t)count;
}

static void put_number(const Number *number, Buffer *out) {
    int whole = number->point < 0 ? 0 : number->point;
    if (whole >= number->count) {
        put_bytes(out, number->digits, (size_t)number->count);
        put_zeros(whole - number->count, out);
        return;
    }
    if (whole == 0) put_byte(out, '0');
    put_bytes(out, number->digits, (size_t)whole);
    put_byte(out, '.');
    put_zeros(-number->point, out);
    put_bytes(out, number->digits + whole, (size_t)(number->count - whole));
}

bool cell_numeric(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)bytes;
    if (cell->kind == SQLITE_INTEGER) {
        put_whole(cell->value.integer, out);
        return true;
    }
    if (cell->kind != SQLITE_FLOAT || !isfinite(cell->value.real)) return false;
    double value = fabs(cell->value.real);
    if (value == 0) {
        put_byte(out, '0');
        return true;
    }
    Number number;
    if (!shortest(value, column->first, &number)) return false;
    /* A declared scale is that of fifteen digits: 0.1 + 0.2 is 0.30. */
    if (column->first >= 0 && after_point(&number) > column->first) printed(value, SURE, &number);
    if (cell->value.real < 0) put_byte(out, '-');
    put_number(&number, out);
    return true;
}
