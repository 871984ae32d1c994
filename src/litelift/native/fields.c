/* The server's text in the one form of each field. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "cells.h"

enum { MANTISSA_DIGITS = 19, EXACT_POWER = 22, LONGEST = 64 };

static const double tens[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A decimal whose digits and power of ten are both exact doubles: then one operation rounds it as it should be
 * (Clinger, "How to Read Floating Point Numbers Accurately"). False for all others. */
static bool read_exactly(const char *text, size_t size, double *value) {
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
    uint64_t mantissa = 0;
    int digits = 0, power = 0;
    size_t at = 0;
    bool negative = size > 0 && text[0] == '-', point = false;
    for (at = negative; at < size; at++) {
        if (text[at] >= '0' && text[at] <= '9') {
            mantissa = mantissa * 10 + (uint64_t)(text[at] - '0');
            if (mantissa != 0 && ++digits > MANTISSA_DIGITS) return false;
            power -= point;
        } else if (text[at] == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    /* Without a digit it is no number. */
    if (at == (size_t)negative + point) return false;
    if (at < size) {
        if (text[at] != 'e' || size - at < 3 || size - at > 5) return false;
        int exponent = 0;
        bool below = text[at + 1] == '-';
        if (!below && text[at + 1] != '+') return false;
        for (at += 2; at < size; at++) {
            if (text[at] < '0' || text[at] > '9') return false;
            exponent = exponent * 10 + (text[at] - '0');
        }
        power += below ? -exponent : exponent;
    }
    if (mantissa > UINT64_C(1) << 53 || power < -EXACT_POWER || power > EXACT_POWER) return false;
    double found = (double)mantissa;
    found = power < 0 ? found / tens[-power] : found * tens[power];
    *value = negative ? -found : found;
    return true;
#else
    (void)text;
    (void)size;
    (void)value;
    return false;
#endif
}

static bool read_double(const char *text, size_t size, double *value) {
    if (read_exactly(text, size, value)) return true;
    char copy[LONGEST];
    if (size == 0 || size >= sizeof copy || text[0] == ' ') return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    char *end;
    *value = strtod(copy, &end);
    return end == copy + size;
}

void put_field(Form form, const char *field, size_t size, Buffer *out) {
    double value;
    bool null = size == 2 && field[0] == '\\' && field[1] == 'N';
    /* What Python could not read begins with a NUL, and stays as it is. */
    bool unreadable = size > 0 && field[0] == '\0';
    switch (unreadable ? FORM_SAME : form) {
    case FORM_BPCHAR:
        while (size > 0 && field[size - 1] == ' ') size--;
        break;
    case FORM_NUMERIC:
        if (memchr(field, '.', size) != NULL) {
            size_t whole = size;
            while (field[size - 1] == '0') size--;
            if (field[size - 1] == '.') size--;
            /* A point without a digit is no number, and not like nothing at all. */
            if (size == 0) size = whole;
        }
        break;
    case FORM_DOUBLE:
    case FORM_SINGLE:
        if (!null && read_double(field, size, &value)) {
            put_bits(form == FORM_SINGLE ? (double)(float)value : value, out);
            return;
        }
        break;
    default:
        break;
    }
    put_bytes(out, field, size);
}
