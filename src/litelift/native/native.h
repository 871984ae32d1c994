/* What the extension's files share. */
#ifndef LITELIFT_NATIVE_H
#define LITELIFT_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

/* A stored value. Text and blobs are `size` bytes at `at` in the batch's arena. */
typedef struct {
    union {
        int64_t integer;
        double real;
        size_t at;
    } value;
    uint32_t size;
    uint8_t kind; /* SQLITE_INTEGER and so on */
} Cell;

/* Rows as SQLite gave them: cells row by row, and the bytes that they point to. */
typedef struct {
    PyObject_HEAD
    Py_ssize_t rows;
    Py_ssize_t room; /* rows that `cells` has room for */
    int columns;
    Cell *cells;
    Buffer arena;
} Batch;

typedef struct {
    PyTypeObject *connection;
    PyTypeObject *reader;
    PyTypeObject *batch;
    PyTypeObject *codec;
    PyTypeObject *writer;
    PyTypeObject *tally;
    PyTypeObject *lines;
    PyObject *failure; /* makes the exception for a result code and a message */
} Types;

extern Types types;

extern PyType_Spec connection_spec;
extern PyType_Spec reader_spec;
extern PyType_Spec batch_spec;
extern PyType_Spec codec_spec;
extern PyType_Spec writer_spec;
extern PyType_Spec tally_spec;
extern PyType_Spec lines_spec;

Batch *batch_new(int columns);
bool batch_grow(Batch *batch);

/* An empty batch has no arena, and an empty value may stand at its end. */
static inline const char *batch_bytes(const Batch *batch, const Cell *cell) {
    return cell->size == 0 ? "" : batch->arena.data + cell->value.at;
}

static inline const Cell *batch_cell(const Batch *batch, Py_ssize_t row, int column) {
    return &batch->cells[row * batch->columns + column];
}

#endif
