/* The proof's own reading of values: what a target must hold for a stored value, as a field of COPY's text format.
 *
 * Nothing of it is shared with what loads: what the loader believes about a value is no evidence that it arrived. The
 * fields are those of prove/cells.py, but for floating-point numbers, which are the hexadecimal digits of their bits. */
#ifndef LITELIFT_CELLS_H
#define LITELIFT_CELLS_H

#include "native.h"

/* How a column's stored values are read. */
typedef enum {
    READ_PYTHON, /* by Python alone */
    READ_TEXT,
    READ_BPCHAR,
    READ_BYTEA,
    READ_BOOL,
    READ_INTEGER,
    READ_DOUBLE,
    READ_SINGLE,
    READ_NUMERIC, /* first: scale, or -1 where the column has none */
    READ_DATE,
    READ_TIMESTAMP,   /* first: decimals of a second; second: the fewest that numbers count, or -1 */
    READ_TIMESTAMPTZ, /* the same */
    READ_TIME,        /* first: decimals of a second */
    READ_UUID,
    READINGS
} Reading;

/* What brings the server's text into the one form. */
typedef enum {
    FORM_SAME,
    FORM_PYTHON, /* Python does */
    FORM_BPCHAR,
    FORM_NUMERIC,
    FORM_DOUBLE,
    FORM_SINGLE,
    FORMS
} Form;

typedef struct {
    Reading reading;
    Form form;
    int first;
    int second;
} Column;

enum {
    CELL_BYTES = 512, /* of room for any field but text and bytes, which need it and twice their size */
    BITS_BYTES = 16,
    WHOLE_BYTES = 20, /* of an integer's digits with its sign */
};

/* Write the field of a value that is not NULL. False where Python has to read it; `out` may then hold a part. There
 * is room for CELL_BYTES and twice the value's size. */
typedef bool (*ReadCell)(const Column *column, const Cell *cell, const char *bytes, Buffer *out);

extern const ReadCell read_cell[READINGS];

bool cell_numeric(const Column *column, const Cell *cell, const char *bytes, Buffer *out);
bool cell_date(const Column *column, const Cell *cell, const char *bytes, Buffer *out);
bool cell_timestamp(const Column *column, const Cell *cell, const char *bytes, Buffer *out);
bool cell_time(const Column *column, const Cell *cell, const char *bytes, Buffer *out);

void put_whole(int64_t value, Buffer *out);
void put_bits(double value, Buffer *out);

/* Write a field that the server sent, or Python made, in the one form. There is room for CELL_BYTES and its size. */
void put_field(Form form, const char *field, size_t size, Buffer *out);

#endif
