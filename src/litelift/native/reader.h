/* Connections to SQLite, and the readers of statements on them. */
#ifndef LITELIFT_READER_H
#define LITELIFT_READER_H

#include "native.h"
#include "sqlite_api.h"

/* Takes the values of a row, which are there until it returns. False: the reader stops behind this row. */
typedef bool (*Take)(void *work, sqlite3_value **values);

typedef struct {
    PyObject_HEAD
    sqlite3 *database;
    bool busy; /* a reader is inside a step, in some thread */
    int64_t deadline; /* milliseconds of the monotonic clock, after which a step is stopped; 0 for never */
    /* Who takes the rows that the running statement hands over, and how many values each has. */
    Take take;
    void *work;
    int columns;
} Connection;

/* A statement's rows. One that is `handed` calls the function HAND_OVER for each row, with the row's values: so all of
 * them come at once, and the rows without a step for each. A statement that only selects its columns is stepped row by
 * row, and asked for each column, for which SQLite takes the connection's lock and looks for an error every time. */
typedef struct {
    PyObject_HEAD
    Connection *connection;
    sqlite3_stmt *statement;
    int columns;
    bool handed;
    sqlite3_value **values; /* room for a row's, where they are asked for */
} Reader;

#define HAND_OVER "litelift_row"

/* Make HAND_OVER known to a connection. Returns SQLite's code. */
int reader_register(Connection *connection);

/* Raise what Python's sqlite3 would raise for the database's last error. */
void *connection_fail(sqlite3 *database, int code);

/* False, and an exception, where it is closed or in use by another thread. */
bool connection_is_open(const Connection *self);

/* The same of a reader's connection, and of the reader. */
bool reader_can_step(const Reader *self);

/* Read rows until one was not taken (SQLITE_ROW), or to the end (SQLITE_DONE); else SQLite's code of an error. */
int reader_run(const Reader *self, Take take, void *work);

void reader_close(Reader *self);

/* A value; its bytes are there as long as it is. False where there is no memory. */
static inline bool value_cell(sqlite3_value *value, Cell *cell, const char **bytes) {
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

/* Copy a row into the batch, which has as many columns. False where there is no memory. */
bool batch_take(Batch *batch, sqlite3_value **values);

/* The methods in stream.c and sums.c. */
PyObject *reader_stream(PyObject *object, PyObject *arguments);
PyObject *reader_digest(PyObject *object, PyObject *arguments);

#endif
