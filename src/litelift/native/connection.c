/* A read-only connection of our own, which steps without the interpreter's lock. */
/* First, for it says which functions of POSIX the system's own headers declare. */
#include "reader.h"

#include <time.h>

/* Steps of SQLite's virtual machine between two looks for Ctrl-C, and at the clock. */
enum { STEPS = 500000 };

void *connection_fail(sqlite3 *database, int code) {
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

static int64_t clock_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int look_around(void *object) {
    const Connection *self = object;
    if (self->deadline != 0 && clock_milliseconds() > self->deadline) return 1;
    PyGILState_STATE state = PyGILState_Ensure();
    int found = PyErr_CheckSignals();
    PyGILState_Release(state);
    return found != 0;
}

bool connection_is_open(const Connection *self) {
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
        connection_fail(self->database, code);
        Py_DECREF(self);
        return NULL;
    }
    code = reader_register(self);
    if (code != SQLITE_OK) {
        connection_fail(self->database, code);
        Py_DECREF(self);
        return NULL;
    }
    sqlite.busy_timeout(self->database, timeout);
    sqlite.db_config(self->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite.db_config(self->database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite.db_config(self->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite.progress_handler(self->database, STEPS, look_around, self);
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
    if (!connection_is_open(self)) return NULL;
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
    if (!connection_is_open(self)) return NULL;
    sqlite3_stmt *statement = NULL;
    int code = sqlite.prepare_v2(self->database, sql, -1, &statement, NULL);
    if (code != SQLITE_OK) return connection_fail(self->database, code);
    PyObject *result = NULL;
    code = step(self, statement);
    if (code == SQLITE_ROW && sqlite.column_type(statement, 0) == SQLITE_INTEGER) {
        result = PyLong_FromLongLong(sqlite.column_int64(statement, 0));
    } else if (code == SQLITE_ROW || code == SQLITE_DONE) {
        result = Py_NewRef(Py_None);
    } else {
        connection_fail(self->database, code);
    }
    sqlite.finalize(statement);
    return result;
}

static PyObject *connection_limit(PyObject *object, PyObject *arguments) {
    Connection *self = (Connection *)object;
    int which, most;
    if (!PyArg_ParseTuple(arguments, "ii", &which, &most)) return NULL;
    if (!connection_is_open(self)) return NULL;
    return PyLong_FromLong(sqlite.limit(self->database, which, most));
}

static PyObject *connection_within(PyObject *object, PyObject *arguments) {
    Connection *self = (Connection *)object;
    int milliseconds;
    if (!PyArg_ParseTuple(arguments, "i", &milliseconds)) return NULL;
    if (!connection_is_open(self)) return NULL;
    self->deadline = milliseconds > 0 ? clock_milliseconds() + milliseconds : 0;
    Py_RETURN_NONE;
}

static PyMethodDef connection_methods[] = {
    {"execute", connection_execute, METH_VARARGS, "Carry out one statement; its first integer, or None."},
    {"limit", connection_limit, METH_VARARGS, "limit(which, most): set a run-time limit; the one before."},
    {"within", connection_within, METH_VARARGS, "within(milliseconds): interrupt what is not done by then; 0: nothing."},
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
