/* The distinct values of a column that has few of them. */
#ifndef LITELIFT_DISTINCT_H
#define LITELIFT_DISTINCT_H

#include "native.h"

enum { DISTINCT_MOST = 100, DISTINCT_SLOTS = 256 };

typedef struct {
    bool integer;
    uint64_t word; /* an integer; of a text, what tells it from most others */
    size_t at;     /* where a text begins */
    uint32_t size;
    Py_ssize_t count;
} Known;

typedef struct {
    int count;
    Known known[DISTINCT_MOST];
    uint8_t slots[DISTINCT_SLOTS]; /* numbers of the known, counted from 1 */
    Buffer texts;
} Distinct;

/* Count an integer or a text. False where it would be one more than `most`, or there is no memory. */
bool distinct_add(Distinct *distinct, int most, const Cell *cell, const char *bytes);

void distinct_clear(Distinct *distinct);

#endif
