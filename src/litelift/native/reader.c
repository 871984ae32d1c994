/* Reads a statement's rows into batches, without the interpreter's lock. */
#include "reader.h"

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    Connection *connection;
    const char *sql;
    Py_ssize_t size;
    PyObject *parameters;
    int handed = 0;
    if (!PyArg_ParseTuple(arguments, "O!s#O!|i", types.connection, &connection, &sql, &size, &PyTuple_Type, &parameters,
                          &handed))
        return NULL;
    if (!connection_is_open(connection)) return NULL;
    if (size > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "the statement is too long");
        return NULL;
    }
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Reader *self = (Reader *)make(type, 0);
    if (self == NULL) return NULL;
    self->connection = (Connection *)Py_NewRef((PyObject *)connection);
    int code = sqlite.prepare_v2(connection->database, sql, (int)size, &self->statement, NULL);
    for (Py_ssize_t at = 0; code == SQLITE_OK && at < PyTuple_Size(parameters); at++) {
        long long value = PyLong_AsLongLong(PyTuple_GetItem(parameters, at));
        if (value == -1 && PyErr_Occurred()) {
            Py_DECREF(self);
            return NULL;
        }
        code = sqlite.bind_int64(self->statement, (int)at + 1, value);
    }
    if (code != SQLITE_OK || self->statement == NULL) {
        connection_fail(connection->database, code != SQLITE_OK ? code : SQLITE_ERROR);
        Py_DECREF(self);
        return NULL;
    }
    self->handed = handed > 0;
    self->columns = self->handed ? handed : sqlite.column_count(self->statement);
    if (self->handed) return (PyObject *)self;
    self->values = calloc((size_t)self->columns + 1, sizeof *self->values);
    if (self->values == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

void reader_close(Reader *self) {
    /* Left to itself where another thread is inside SQLite: a leak, where the other way is a crash. */
    if (self->statement != NULL && !self->connection->busy) sqlite.finalize(self->statement);
    self->statement = NULL;
}

static void reader_free(PyObject *object) {
    Reader *self = (Reader *)object;
    PyTypeObject *type = Py_TYPE(object);
    reader_close(self);
    free(self->values);
    Py_XDECREF((PyObject *)self->connection);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static void hand_over(sqlite3_context *context, int count, sqlite3_value **values) {
    const Connection *self = sqlite.user_data(context);
    if (self->take == NULL || count != self->columns) {
        sqlite.result_error(context, "nobody takes the row", -1);
    } else if (!self->take(self->work, values)) {
        sqlite.result_int(context, 1);
    }
}

int reader_register(Connection *connection) {
    return sqlite.create_function_v2(connection->database, HAND_OVER, -1, SQLITE_UTF8 | SQLITE_DIRECTONLY, connection,
                                     hand_over, NULL, NULL, NULL);
}

int reader_run(const Reader *self, Take take, void *work) {
    Connection *connection = self->connection;
    if (self->handed) {
        connection->take = take;
        connection->work = work;
        connection->columns = self->columns;
        int code = sqlite.step(self->statement);
        connection->take = NULL;
        return code;
    }
    for (;;) {
        int code = sqlite.step(self->statement);
        if (code != SQLITE_ROW) return code;
        /* Such an unprotected value is one thread's alone, as the connection is ("Protected and Unprotected"). */
        for (int at = 0; at < self->columns; at++) self->values[at] = sqlite.column_value(self->statement, at);
        if (!take(work, self->values)) return SQLITE_ROW;
    }
}

bool batch_take(Batch *batch, sqlite3_value **values) {
    if (!batch_grow(batch)) return false;
    Cell *cells = &batch->cells[batch->rows * batch->columns];
    for (int column = 0; column < batch->columns; column++) {
        Cell *cell = &cells[column];
        const char *bytes;
        if (!value_cell(values[column], cell, &bytes)) return false;
        if (cell->kind != SQLITE_TEXT && cell->kind != SQLITE_BLOB) continue;
        cell->value.at = batch->arena.size;
        if (!buffer_reserve(&batch->arena, cell->size)) return false;
        put_bytes(&batch->arena, bytes, cell->size);
    }
    batch->rows++;
    return true;
}

/* A batch to be filled, up to so many rows and bytes. */
typedef struct {
    Batch *batch;
    Py_ssize_t rows;
    size_t bytes;
    bool failed;
} Filling;

static bool fill(void *work, sqlite3_value **values) {
    Filling *filling = work;
    Batch *batch = filling->batch;
    filling->failed = !batch_take(batch, values);
    return !filling->failed && batch->rows < filling->rows && batch->arena.size < filling->bytes;
}

bool reader_can_step(const Reader *self) {
    if (self->statement != NULL) return connection_is_open(self->connection);
    PyErr_SetString(PyExc_ValueError, "the reader is closed");
    return false;
}

static PyObject *reader_fetch(PyObject *object, PyObject *arguments) {
    Reader *self = (Reader *)object;
    Py_ssize_t rows, bytes;
    if (!PyArg_ParseTuple(arguments, "nn", &rows, &bytes)) return NULL;
    if (PyErr_CheckSignals() != 0) return NULL;
    if (self->statement == NULL) Py_RETURN_NONE;
    if (!reader_can_step(self)) return NULL;
    Batch *batch = batch_new(self->columns);
    if (batch == NULL) return NULL;
    Filling filling = {batch, rows < 1 ? 1 : rows, bytes < 1 ? 1 : (size_t)bytes, false};
    int code;
    self->connection->busy = true;
    Py_BEGIN_ALLOW_THREADS
    code = reader_run(self, fill, &filling);
    Py_END_ALLOW_THREADS
    self->connection->busy = false;
    if (filling.failed) code = SQLITE_NOMEM;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        Py_DECREF(batch);
        connection_fail(self->connection->database, code);
        reader_close(self);
        return NULL;
    }
    if (code == SQLITE_DONE) reader_close(self);
    if (batch->rows == 0) {
        Py_DECREF(batch);
        Py_RETURN_NONE;
    }
    return (PyObject *)batch;
}

static PyObject *reader_end(PyObject *object, PyObject *unused) {
    (void)unused;
    Reader *self = (Reader *)object;
    if (self->connection->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread reads on this connection");
        return NULL;
    }
    reader_close(self);
    Py_RETURN_NONE;
}

static PyMethodDef reader_methods[] = {
    {"fetch", reader_fetch, METH_VARARGS, "The next batch, of at most so many rows and bytes; None at the end."},
    {"stream", reader_stream, METH_VARARGS,
     "stream(writer, first, codecs, rows, bytes): write rows while they are plain, into the block that the writer's "
     "buffer is. (How many; whether that was the last; a batch of the row that is not plain, or None; the forms.)"},
    {"digest", reader_digest, METH_VARARGS,
     "digest(key, groups): read all; how many rows, and for each group of columns the sum of the rows' hashes, as its "
     "lower and upper 64 bits."},
    {"close", reader_end, METH_NOARGS, "End the statement."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, "The rows of a statement: Reader(connection, sql, integers, handed = 0). A statement that hands its rows "
                "over calls " HAND_OVER " in its WHERE, with so many values."},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_free},
    {Py_tp_methods, reader_methods},
    {0, NULL},
};

PyType_Spec reader_spec = {
    "litelift._native.Reader", sizeof(Reader), 0, Py_TPFLAGS_DEFAULT, reader_slots,
};
