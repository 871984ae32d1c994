/* Takes COPY's rows from libpq, without the interpreter's lock and without a Python object for each. */
#include "lines.h"

/* The functions of the libpq that psycopg itself uses, whose addresses Python hands over ("Functions Associated with
 * the COPY Command" in the PostgreSQL manual). */
typedef struct pg_conn PGconn;
static int (*get_copy_data)(PGconn *, char **, int);
static void (*free_memory)(void *);

typedef enum { MORE, DONE, BROKEN, NO_MEMORY } Ending;

static bool take_address(PyObject *number, void *function) {
    void *pointer = PyLong_AsVoidPtr(number);
    if (pointer == NULL) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no address");
        return false;
    }
    memcpy(function, &pointer, sizeof pointer);
    return true;
}

PyObject *use_libpq(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *first, *second;
    if (!PyArg_ParseTuple(arguments, "OO", &first, &second)) return NULL;
    if (!take_address(first, &get_copy_data) || !take_address(second, &free_memory)) return NULL;
    Py_RETURN_NONE;
}

static Ending receive(Lines *self, PGconn *connection, Py_ssize_t rows, Py_ssize_t bytes, Py_ssize_t *received) {
    for (Py_ssize_t size = 0; *received < rows && size < bytes;) {
        char *row = NULL;
        int length = get_copy_data(connection, &row, 0);
        if (length <= 0) return length == -1 ? DONE : BROKEN;
        bool taken = lines_take(self, row, (size_t)length - 1);
        free_memory(row);
        if (!taken) return NO_MEMORY;
        size += length;
        ++*received;
    }
    return MORE;
}

PyObject *lines_receive(PyObject *object, PyObject *arguments) {
    Lines *self = (Lines *)object;
    PyObject *address;
    Py_ssize_t rows, bytes, received = 0;
    PGconn *connection;
    if (!PyArg_ParseTuple(arguments, "Onn", &address, &rows, &bytes)) return NULL;
    if (!lines_free_to_use(self) || !take_address(address, &connection)) return NULL;
    if (get_copy_data == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "libpq's functions are not known");
        return NULL;
    }
    Ending ending;
    self->busy = true;
    Py_BEGIN_ALLOW_THREADS
    ending = receive(self, connection, rows, bytes, &received);
    Py_END_ALLOW_THREADS
    self->busy = false;
    if (ending == NO_MEMORY) return PyErr_NoMemory();
    return Py_BuildValue("ni", received, (int)ending);
}
