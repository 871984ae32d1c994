/* What is counted of a column's values; the fields are those of ColumnCensus in sqlite/census.py. */
#ifndef LITELIFT_FACTS_H
#define LITELIFT_FACTS_H

#include "native.h"

typedef struct {
    Py_ssize_t nulls, integers, reals, texts, blobs;
    int64_t least, greatest;
    Py_ssize_t infinite;
    size_t longest;      /* of texts in characters, of blobs in bytes */
    size_t longest_text; /* in characters */
    size_t bytes;        /* texts in characters */
    Py_ssize_t unreadable, undecodable;
} Facts;

/* The two largest of a measure; a row is that of this batch, or -1. */
typedef struct {
    uint64_t first, second;
    Py_ssize_t first_row, second_row;
} Top;

typedef struct {
    Top length, integer, real;
} Tops;

/* Numbers of rows. */
typedef struct {
    uint32_t *rows;
    Py_ssize_t count;
} Rows;

/* Room for as many rows as the batch has comes with the first. False where there is no memory. */
bool rows_add(Rows *rows, const Batch *batch, Py_ssize_t row);

typedef enum { COUNTED, NOT_PLAIN, OUT_OF_MEMORY } Outcome;

/* Count a column. NOT_PLAIN where a text is none that PostgreSQL can hold. `unreadable` takes at most `most` rows. */
Outcome facts_add(Facts *facts, Tops *tops, const Batch *batch, int column, Rows *unreadable, Py_ssize_t most);

static inline const char *cell_bytes(const Batch *batch, const Cell *cell) {
    /* An empty batch has no arena, and an empty value may stand at its end. */
    return cell->size == 0 ? "" : batch->arena.data + cell->value.at;
}

#endif
