/* Connections to SQLite, and the readers of statements on them. */
#ifndef LITELIFT_READER_H
#define LITELIFT_READER_H

#include "native.h"
#include "sqlite_api.h"

typedef struct {
    PyObject_HEAD
    sqlite3 *database;
    bool busy; /* a reader is inside a step, in some thread */
    int64_t deadline; /* milliseconds of the monotonic clock, after which a step is stopped; 0 for never */
} Connection;

typedef struct {
    PyObject_HEAD
    Connection *connection;
    sqlite3_stmt *statement;
    int columns;
} Reader;

/* Raise what Python's sqlite3 would raise for the database's last error. */
void *connection_fail(sqlite3 *database, int code);

/* False, and an exception, where it is closed or in use by another thread. */
bool connection_is_open(const Connection *self);

/* The same of a reader's connection, and of the reader. */
bool reader_can_step(const Reader *self);

void reader_close(Reader *self);

/* A value of the statement's row; its bytes are there until the next step. False where there is no memory.
 *
 * Each column's value is asked for once: every sqlite3_column_ function takes the connection's lock and looks for an
 * error anew. Such an unprotected value is one thread's alone, as the connection is ("Protected and Unprotected"). */
static inline bool reader_cell(const Reader *self, int column, Cell *cell, const char **bytes) {
    sqlite3_value *value = sqlite.column_value(self->statement, column);
    /* Asked before the value, which a conversion may change. */
    int kind = sqlite.value_type(value);
    cell->kind = (uint8_t)kind;
    cell->size = 0;
    *bytes = "";
    if (kind == SQLITE_INTEGER) {
        cell->value.integer = sqlite.value_int64(value);
    } else if (kind == SQLITE_FLOAT) {
        cell->value.real = sqlite.value_double(value);
    } else if (kind == SQLITE_TEXT || kind == SQLITE_BLOB) {
        const void *found = kind == SQLITE_TEXT ? (const void *)sqlite.value_text(value) : sqlite.value_blob(value);
        cell->size = (uint32_t)sqlite.value_bytes(value);
        /* An empty blob has no address; text always has one. */
        if (found == NULL) return kind == SQLITE_BLOB && cell->size == 0;
        *bytes = found;
    } else {
        cell->kind = SQLITE_NULL;
        cell->value.integer = 0;
    }
    return true;
}

/* Copy the statement's row into the batch. False where there is no memory. */
bool reader_row(const Reader *self, Batch *batch);

/* The methods in stream.c and sums.c. */
PyObject *reader_stream(PyObject *object, PyObject *arguments);
PyObject *reader_digest(PyObject *object, PyObject *arguments);

#endif
