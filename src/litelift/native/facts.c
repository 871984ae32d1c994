#include "facts.h"

#include <math.h>

#include "sqlite_api.h"
#include "utf8.h"

bool rows_add(Rows *rows, const Batch *batch, Py_ssize_t row) {
    if (rows->rows == NULL) rows->rows = calloc((size_t)batch->rows, sizeof *rows->rows);
    if (rows->rows == NULL) return false;
    rows->rows[rows->count++] = (uint32_t)row;
    return true;
}

static inline void top_add(Top *top, uint64_t value, Py_ssize_t row) {
    if (value > top->first) {
        top->second = top->first;
        top->second_row = top->first_row;
        top->first = value;
        top->first_row = row;
    } else if (value > top->second) {
        top->second = value;
        top->second_row = row;
    }
}

static void forget_rows(Top *top) { top->first_row = top->second_row = -1; }

/* Whether the bytes are UTF-8; a NUL is a character like any other. */
static bool is_utf8(const char *bytes, size_t size) {
    const char *end = bytes + size;
    size_t characters;
    for (;;) {
        const char *nul = memchr(bytes, 0, (size_t)(end - bytes));
        if (!utf8_holdable(bytes, (size_t)((nul != NULL ? nul : end) - bytes), &characters)) return false;
        if (nul == NULL) return true;
        bytes = nul + 1;
    }
}

static bool add_blob(Facts *facts, const Batch *batch, const Cell *cell, Py_ssize_t row, Rows *unreadable,
                     Py_ssize_t most) {
    const char *bytes = cell_bytes(batch, cell);
    size_t characters;
    facts->blobs++;
    facts->bytes += cell->size;
    if (cell->size > facts->longest) facts->longest = cell->size;
    if (utf8_holdable(bytes, cell->size, &characters)) return true;
    facts->unreadable++;
    facts->undecodable += !is_utf8(bytes, cell->size);
    return unreadable->count >= most || rows_add(unreadable, batch, row);
}

static void add_integer(Facts *facts, Tops *tops, int64_t value, Py_ssize_t row) {
    facts->integers++;
    if (value < facts->least) facts->least = value;
    if (value > facts->greatest) facts->greatest = value;
    top_add(&tops->integer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, row);
}

static void add_real(Facts *facts, Tops *tops, double value, Py_ssize_t row) {
    facts->reals++;
    facts->infinite += isinf(value) != 0;
    /* The bits of numbers that are not negative are in the numbers' order. */
    uint64_t bits;
    value = fabs(value);
    memcpy(&bits, &value, sizeof bits);
    top_add(&tops->real, bits, row);
}

Outcome facts_add(Facts *facts, Tops *tops, const Batch *batch, int column, Rows *unreadable, Py_ssize_t most) {
    forget_rows(&tops->length);
    forget_rows(&tops->integer);
    forget_rows(&tops->real);
    Py_ssize_t integers = facts->integers, reals = facts->reals;
    facts->longest_text = 0;
    for (Py_ssize_t row = 0; row < batch->rows; row++) {
        const Cell *cell = batch_cell(batch, row, column);
        size_t characters;
        switch (cell->kind) {
        case SQLITE_INTEGER:
            add_integer(facts, tops, cell->value.integer, row);
            break;
        case SQLITE_FLOAT:
            add_real(facts, tops, cell->value.real, row);
            break;
        case SQLITE_TEXT:
            if (!utf8_holdable(cell_bytes(batch, cell), cell->size, &characters)) return NOT_PLAIN;
            facts->texts++;
            facts->bytes += characters;
            if (characters > facts->longest_text) facts->longest_text = characters;
            top_add(&tops->length, characters, row);
            break;
        case SQLITE_BLOB:
            if (!add_blob(facts, batch, cell, row, unreadable, most)) return OUT_OF_MEMORY;
            break;
        default:
            facts->nulls++;
        }
    }
    if (facts->longest_text > facts->longest) facts->longest = facts->longest_text;
    facts->bytes += 8 * (size_t)(facts->integers - integers + facts->reals - reals);
    return COUNTED;
}
