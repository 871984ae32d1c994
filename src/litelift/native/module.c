/* The module litelift._native. */
#include "lines.h"
#include "sqlite_api.h"

/* Counted up with every change of what Python sees, as INTERFACE in compiled.py is. */
enum { INTERFACE = 6 };

SqliteApi sqlite;
Types types;

static PyObject *use(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *addresses, *failure;
    if (!PyArg_ParseTuple(arguments, "O!O", &PyDict_Type, &addresses, &failure)) return NULL;
    SqliteApi found;
#define X(result, name, parameters)                                                            \
    {                                                                                          \
        PyObject *address = PyDict_GetItemString(addresses, #name);                            \
        if (address == NULL) {                                                                 \
            PyErr_SetString(PyExc_KeyError, #name);                                            \
            return NULL;                                                                       \
        }                                                                                      \
        void *pointer = PyLong_AsVoidPtr(address);                                             \
        if (pointer == NULL) {                                                                 \
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, #name);                   \
            return NULL;                                                                       \
        }                                                                                      \
        memcpy(&found.name, &pointer, sizeof pointer);                                         \
    }
    SQLITE_FUNCTIONS(X)
#undef X
    sqlite = found;
    PyObject *before = types.failure;
    types.failure = Py_NewRef(failure);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"use", use, METH_VARARGS, "use(addresses, failure): SQLite's functions by name, and what makes its exceptions."},
    {"use_libpq", use_libpq, METH_VARARGS, "use_libpq(PQgetCopyData, PQfreemem): the addresses of its functions."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "litelift._native",
    .m_doc = "The hot path: SQLite's rows to COPY's bytes.",
    .m_size = -1,
    .m_methods = methods,
};

static bool add_type(PyObject *module, const char *name, PyType_Spec *spec, PyTypeObject **type) {
    *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type != NULL && PyModule_AddObjectRef(module, name, (PyObject *)*type) == 0;
}

/* The names of SQLite's functions, for whoever is to find their addresses. */
static bool add_names(PyObject *module) {
    static const char *const names[] = {
#define X(result, name, parameters) #name,
        SQLITE_FUNCTIONS(X)
#undef X
    };
    Py_ssize_t count = (Py_ssize_t)(sizeof names / sizeof *names);
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t at = 0; tuple != NULL && at < count; at++) {
        PyObject *name = PyUnicode_FromString(names[at]);
        if (name == NULL || PyTuple_SetItem(tuple, at, name) < 0) Py_CLEAR(tuple);
    }
    bool added = tuple != NULL && PyModule_AddObjectRef(module, "FUNCTIONS", tuple) == 0;
    Py_XDECREF(tuple);
    return added;
}

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    if (!add_names(module) || PyModule_AddIntConstant(module, "INTERFACE", INTERFACE) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    if (!add_type(module, "Connection", &connection_spec, &types.connection) ||
        !add_type(module, "Reader", &reader_spec, &types.reader) ||
        !add_type(module, "Batch", &batch_spec, &types.batch) ||
        !add_type(module, "Codec", &codec_spec, &types.codec) ||
        !add_type(module, "Writer", &writer_spec, &types.writer) ||
        !add_type(module, "Tally", &tally_spec, &types.tally) ||
        !add_type(module, "Lines", &lines_spec, &types.lines)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
