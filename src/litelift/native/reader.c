/* Reads SQLite: a connection of our own, and readers that fill batches without the interpreter's lock. */
#include "native.h"

#include "sqlite_api.h"

/* Steps of SQLite's virtual machine between two looks for Ctrl-C. */
enum { STEPS = 500000 };

typedef struct {
    PyObject_HEAD
    sqlite3 *database;
    bool busy; /* a reader is inside a step, in some thread */
} Connection;

typedef struct {
    PyObject_HEAD
    Connection *connection;
    sqlite3_stmt *statement;
    int columns;
} Reader;

/* Raise what Python's sqlite3 would raise for the database's last error. */
static void *fail(sqlite3 *database, int code) {
    if (PyErr_Occurred()) return NULL;
    const char *message = database != NULL ? sqlite.errmsg(database) : sqlite.errstr(code);
    int extended = database != NULL && sqlite.errcode(database) == (code & 0xff) ? sqlite.extended_errcode(database) : code;
    if ((code & 0xff) == SQLITE_NOMEM) return PyErr_NoMemory();
    PyObject *error = PyObject_CallFunction(types.failure, "iy", extended, message != NULL ? message : "unknown error");
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

static int look_for_signals(void *unused) {
    (void)unused;
    PyGILState_STATE state = PyGILState_Ensure();
    int found = PyErr_CheckSignals();
    PyGILState_Release(state);
    return found != 0;
}

static bool is_open(Connection *self) {
    if (self->database == NULL) {
        PyErr_SetString(PyExc_ValueError, "the connection is closed");
        return false;
    }
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread reads on this connection");
        return false;
    }
    return true;
}

static PyObject *connection_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    const char *uri;
    int timeout;
    if (!PyArg_ParseTuple(arguments, "yi", &uri, &timeout)) return NULL;
    if (sqlite.open_v2 == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "SQLite's functions are not known yet: call use()");
        return NULL;
    }
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Connection *self = (Connection *)make(type, 0);
    if (self == NULL) return NULL;
    int code;
    Py_BEGIN_ALLOW_THREADS
    /* Without a lock at each call: `busy` keeps a second thread out. */
    code = sqlite.open_v2(uri, &self->database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    Py_END_ALLOW_THREADS
    if (code != SQLITE_OK) {
        fail(self->database, code);
        Py_DECREF(self);
        return NULL;
    }
    sqlite.busy_timeout(self->database, timeout);
    sqlite.progress_handler(self->database, STEPS, look_for_signals, NULL);
    return (PyObject *)self;
}

static void connection_free(PyObject *object) {
    Connection *self = (Connection *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->database != NULL) sqlite.close_v2(self->database);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *connection_close(PyObject *object, PyObject *unused) {
    (void)unused;
    Connection *self = (Connection *)object;
    if (self->database == NULL) Py_RETURN_NONE;
    if (!is_open(self)) return NULL;
    /* A reader that is still there keeps the database until it goes, too ("Closing A Database Connection"). */
    sqlite.close_v2(self->database);
    self->database = NULL;
    Py_RETURN_NONE;
}

/* Step without the interpreter's lock. */
static int step(Connection *connection, sqlite3_stmt *statement) {
    int code;
    connection->busy = true;
    Py_BEGIN_ALLOW_THREADS
    code = sqlite.step(statement);
    Py_END_ALLOW_THREADS
    connection->busy = false;
    return code;
}

static PyObject *connection_execute(PyObject *object, PyObject *arguments) {
    Connection *self = (Connection *)object;
    const char *sql;
    if (!PyArg_ParseTuple(arguments, "s", &sql)) return NULL;
    if (!is_open(self)) return NULL;
    sqlite3_stmt *statement = NULL;
    int code = sqlite.prepare_v2(self->database, sql, -1, &statement, NULL);
    if (code != SQLITE_OK) return fail(self->database, code);
    PyObject *result = NULL;
    code = step(self, statement);
    if (code == SQLITE_ROW && sqlite.column_type(statement, 0) == SQLITE_INTEGER) {
        result = PyLong_FromLongLong(sqlite.column_int64(statement, 0));
    } else if (code == SQLITE_ROW || code == SQLITE_DONE) {
        result = Py_NewRef(Py_None);
    } else {
        fail(self->database, code);
    }
    sqlite.finalize(statement);
    return result;
}

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    Connection *connection;
    const char *sql;
    Py_ssize_t size;
    PyObject *parameters;
    if (!PyArg_ParseTuple(arguments, "O!s#O!", types.connection, &connection, &sql, &size, &PyTuple_Type, &parameters))
        return NULL;
    if (!is_open(connection)) return NULL;
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
        fail(connection->database, code != SQLITE_OK ? code : SQLITE_ERROR);
        Py_DECREF(self);
        return NULL;
    }
    self->columns = sqlite.column_count(self->statement);
    return (PyObject *)self;
}

static void reader_close(Reader *self) {
    /* Left to itself where another thread is inside SQLite: a leak, where the other way is a crash. */
    if (self->statement != NULL && !self->connection->busy) sqlite.finalize(self->statement);
    self->statement = NULL;
}

static void reader_free(PyObject *object) {
    Reader *self = (Reader *)object;
    PyTypeObject *type = Py_TYPE(object);
    reader_close(self);
    Py_XDECREF((PyObject *)self->connection);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* Copy the statement's row into the batch. False where there is no memory.
 *
 * The values are asked for once a column: each sqlite3_column_ function takes the connection's lock and looks for an
 * error anew. Such an unprotected value is one thread's alone, as the connection is ("Protected and Unprotected"). */
static bool take_row(Reader *self, Batch *batch) {
    if (!batch_grow(batch)) return false;
    Cell *cells = &batch->cells[batch->rows * batch->columns];
    for (int column = 0; column < self->columns; column++) {
        Cell *cell = &cells[column];
        sqlite3_value *value = sqlite.column_value(self->statement, column);
        /* Asked before the value, which a conversion may change. */
        int kind = sqlite.value_type(value);
        cell->kind = (uint8_t)kind;
        cell->size = 0;
        if (kind == SQLITE_INTEGER) {
            cell->value.integer = sqlite.value_int64(value);
        } else if (kind == SQLITE_FLOAT) {
            cell->value.real = sqlite.value_double(value);
        } else if (kind == SQLITE_TEXT || kind == SQLITE_BLOB) {
            const void *bytes = kind == SQLITE_TEXT ? (const void *)sqlite.value_text(value) : sqlite.value_blob(value);
            int size = sqlite.value_bytes(value);
            /* An empty blob has no address; text always has one. */
            if (bytes == NULL && (kind == SQLITE_TEXT || size > 0)) return false;
            cell->value.at = batch->arena.size;
            cell->size = (uint32_t)size;
            if (!buffer_reserve(&batch->arena, (size_t)size)) return false;
            put_bytes(&batch->arena, bytes, (size_t)size);
        } else {
            cell->kind = SQLITE_NULL;
            cell->value.integer = 0;
        }
    }
    batch->rows++;
    return true;
}

static int fill(Reader *self, Batch *batch, Py_ssize_t rows, size_t bytes) {
    while (batch->rows < rows && batch->arena.size < bytes) {
        int code = sqlite.step(self->statement);
        if (code != SQLITE_ROW) return code;
        if (!take_row(self, batch)) return SQLITE_NOMEM;
    }
    return SQLITE_ROW;
}

static PyObject *reader_fetch(PyObject *object, PyObject *arguments) {
    Reader *self = (Reader *)object;
    Py_ssize_t rows, bytes;
    if (!PyArg_ParseTuple(arguments, "nn", &rows, &bytes)) return NULL;
    if (self->connection->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread reads on this connection");
        return NULL;
    }
    if (PyErr_CheckSignals() != 0) return NULL;
    if (self->statement == NULL) Py_RETURN_NONE;
    if (self->connection->database == NULL) {
        PyErr_SetString(PyExc_ValueError, "the connection is closed");
        return NULL;
    }
    Batch *batch = batch_new(self->columns);
    if (batch == NULL) return NULL;
    int code;
    self->connection->busy = true;
    Py_BEGIN_ALLOW_THREADS
    code = fill(self, batch, rows < 1 ? 1 : rows, bytes < 1 ? 1 : (size_t)bytes);
    Py_END_ALLOW_THREADS
    self->connection->busy = false;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        Py_DECREF(batch);
        fail(self->connection->database, code);
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

static PyMethodDef connection_methods[] = {
    {"execute", connection_execute, METH_VARARGS, "Carry out one statement; its first integer, or None."},
    {"close", connection_close, METH_NOARGS, "Close the database."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot connection_slots[] = {
    {Py_tp_doc, "A read-only connection: Connection(uri, busy_milliseconds)."},
    {Py_tp_new, connection_new},
    {Py_tp_dealloc, connection_free},
    {Py_tp_methods, connection_methods},
    {0, NULL},
};

PyType_Spec connection_spec = {
    "litelift._native.Connection", sizeof(Connection), 0, Py_TPFLAGS_DEFAULT, connection_slots,
};

static PyMethodDef reader_methods[] = {
    {"fetch", reader_fetch, METH_VARARGS, "The next batch, of at most so many rows and bytes; None at the end."},
    {"close", reader_end, METH_NOARGS, "End the statement."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, "The rows of a statement: Reader(connection, sql, integers)."},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_free},
    {Py_tp_methods, reader_methods},
    {0, NULL},
};

PyType_Spec reader_spec = {
    "litelift._native.Reader", sizeof(Reader), 0, Py_TPFLAGS_DEFAULT, reader_slots,
};
