/* Decimal numbers: the shortest that a double is read from, and how Python and PostgreSQL write them. */
#ifndef LITELIFT_DECIMAL_H
#define LITELIFT_DECIMAL_H

#include "buffer.h"

enum {
    DIGITS = 20,        /* of a 64-bit integer; a double has at most 17 */
    INTEGER_BYTES = 20, /* of a 64-bit integer's text with its sign */
    REPR_BYTES = 32,    /* of a double's shortest text */
    POINT_BYTES = 400   /* of a double's text without an exponent */
};

/* 0.DIGITS * 10^point, with `decimals` digits after the point where it is written. Zero is the digit 0, point 1. */
typedef struct {
    bool negative;
    int count;
    int point;
    int decimals;
    char digits[DIGITS];
} Decimal;

/* An integer's text; returns its size. */
size_t integer_text(int64_t value, char *text);

/* A finite double's shortest digits, with the decimals of Python's repr(). False where another must find them. */
bool decimal_shortest(double value, Decimal *decimal);

/* A finite double's first 15 digits, without zeros at their end. */
bool decimal_fifteen(double value, Decimal *decimal);

void decimal_integer(int64_t value, Decimal *decimal);

/* As Python's repr() writes a double; returns the size. */
size_t decimal_repr(const Decimal *decimal, char *text);

/* Without an exponent. The buffer has POINT_BYTES of room. */
void decimal_put_text(const Decimal *decimal, Buffer *out);

/* As numeric_send() writes it (src/backend/utils/adt/numeric.c). The buffer has POINT_BYTES of room. */
void decimal_put_binary(const Decimal *decimal, Buffer *out);

#endif
