/* Canonical lines, and the sum of their hashes. */
#ifndef LITELIFT_LINES_H
#define LITELIFT_LINES_H

#include "cells.h"
#include "hash.h"

/* A column of cells that Python gives, and whether it has to. */
typedef struct {
    const char *next;
    const char *end;
    bool wanted;
} Given;

typedef struct {
    PyObject_HEAD
    HashKey key;
    int columns;
    Column *column;
    Given *given;
    bool as_sent;      /* no column of the server's has to be brought into a form */
    bool needs_python; /* the server's text of some column is brought into its form by Python */
    bool busy;         /* a thread is at work without the interpreter's lock */
    int64_t count;
    Hash sum;
    Buffer line;
    Buffer held; /* lines of the server's that wait for Python's columns, each with its newline */
    Py_ssize_t held_rows;
} Lines;

/* Add a line that the server sent or Python made, without its newline, or hold it where Python has a part in it. False
 * where there is no memory. */
bool lines_take(Lines *self, const char *line, size_t size);

/* Whether no other thread is at work on the lines; else raises. */
bool lines_free_to_use(const Lines *self);

/* Take note of the cells that Python gives: for each column bytes, or None; and forget them. */
bool lines_take_given(Lines *self, PyObject *given);
void lines_forget_given(Lines *self);
const char *given_cell(Given *given, size_t *size);

static inline void line_add(const Lines *self, const char *line, size_t size, Hash *sum) {
    Hash hash = hash_begin(&self->key);
    hash_bytes(&self->key, &hash, line, size);
    hash_add(sum, hash_end(&self->key, hash));
}

PyObject *lines_add(PyObject *self, PyObject *arguments);
PyObject *lines_stream(PyObject *self, PyObject *arguments);
PyObject *lines_receive(PyObject *self, PyObject *arguments);
PyObject *use_libpq(PyObject *module, PyObject *arguments);

#endif
