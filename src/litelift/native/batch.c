/* A batch of rows, which Python can look into value by value. */
#include "native.h"

#include "sqlite_api.h"

Batch *batch_new(int columns) {
    allocfunc make = (allocfunc)PyType_GetSlot(types.batch, Py_tp_alloc);
    Batch *self = (Batch *)make(types.batch, 0);
    if (self != NULL) self->columns = columns;
    return self;
}

bool batch_grow(Batch *self) {
    if (self->rows < self->room) return true;
    Py_ssize_t room = self->room == 0 ? 64 : self->room * 2;
    size_t width = sizeof(Cell) * (size_t)(self->columns > 0 ? self->columns : 1);
    if ((size_t)room > SIZE_MAX / width) return false;
    Cell *cells = realloc(self->cells, (size_t)room * width);
    if (cells == NULL) return false;
    self->cells = cells;
    self->room = room;
    return true;
}

static void batch_free(PyObject *object) {
    Batch *self = (Batch *)object;
    PyTypeObject *type = Py_TYPE(object);
    free(self->cells);
    buffer_free(&self->arena);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* The value as Python's sqlite3 gives it, text with surrogate escapes. */
static PyObject *value_of(const Batch *self, const Cell *cell) {
    const char *bytes = self->arena.data != NULL && cell->size != 0 ? self->arena.data + cell->value.at : "";
    switch (cell->kind) {
    case SQLITE_INTEGER:
        return PyLong_FromLongLong(cell->value.integer);
    case SQLITE_FLOAT:
        return PyFloat_FromDouble(cell->value.real);
    case SQLITE_TEXT:
        return PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)cell->size, "surrogateescape");
    case SQLITE_BLOB:
        return PyBytes_FromStringAndSize(bytes, (Py_ssize_t)cell->size);
    default:
        return Py_NewRef(Py_None);
    }
}

static bool valid_column(const Batch *self, int column) {
    if (column >= 0 && column < self->columns) return true;
    PyErr_SetString(PyExc_IndexError, "no such column in the batch");
    return false;
}

/* The value, or a view of its bytes where they are more. */
static PyObject *value_up_to(Batch *self, const Cell *cell, Py_ssize_t most) {
    if ((Py_ssize_t)cell->size <= most) return value_of(self, cell);
    PyObject *whole = PyMemoryView_FromObject((PyObject *)self);
    if (whole == NULL) return NULL;
    Py_ssize_t start = (Py_ssize_t)cell->value.at;
    PyObject *view = PySequence_GetSlice(whole, start, start + (Py_ssize_t)cell->size);
    Py_DECREF(whole);
    return view;
}

static PyObject *batch_column(PyObject *object, PyObject *arguments) {
    Batch *self = (Batch *)object;
    int column;
    Py_ssize_t most = PY_SSIZE_T_MAX;
    if (!PyArg_ParseTuple(arguments, "i|n", &column, &most) || !valid_column(self, column)) return NULL;
    PyObject *values = PyList_New(self->rows);
    if (values == NULL) return NULL;
    for (Py_ssize_t row = 0; row < self->rows; row++) {
        PyObject *value = value_up_to(self, batch_cell(self, row, column), most);
        if (value == NULL || PyList_SetItem(values, row, value) < 0) {
            Py_DECREF(values);
            return NULL;
        }
    }
    return values;
}

static PyObject *batch_row(PyObject *object, PyObject *arguments) {
    Batch *self = (Batch *)object;
    Py_ssize_t row;
    if (!PyArg_ParseTuple(arguments, "n", &row)) return NULL;
    if (row < 0 || row >= self->rows) {
        PyErr_SetString(PyExc_IndexError, "no such row in the batch");
        return NULL;
    }
    PyObject *values = PyTuple_New(self->columns);
    if (values == NULL) return NULL;
    for (int column = 0; column < self->columns; column++) {
        PyObject *value = value_of(self, batch_cell(self, row, column));
        if (value == NULL || PyTuple_SetItem(values, column, value) < 0) {
            Py_DECREF(values);
            return NULL;
        }
    }
    return values;
}

static PyObject *batch_value(PyObject *object, PyObject *arguments) {
    Batch *self = (Batch *)object;
    Py_ssize_t row;
    int column;
    Py_ssize_t most = PY_SSIZE_T_MAX;
    if (!PyArg_ParseTuple(arguments, "ni|n", &row, &column, &most) || !valid_column(self, column)) return NULL;
    if (row >= 0 && row < self->rows) return value_up_to(self, batch_cell(self, row, column), most);
    PyErr_SetString(PyExc_IndexError, "no such row in the batch");
    return NULL;
}

static PyObject *batch_kinds(PyObject *object, PyObject *arguments) {
    Batch *self = (Batch *)object;
    int column;
    if (!PyArg_ParseTuple(arguments, "i", &column) || !valid_column(self, column)) return NULL;
    long kinds = 0;
    for (Py_ssize_t row = 0; row < self->rows; row++) kinds |= 1L << batch_cell(self, row, column)->kind;
    return PyLong_FromLong(kinds);
}

static Py_ssize_t batch_length(PyObject *object) { return ((Batch *)object)->rows; }

/* The bytes of all texts and blobs; they do not change. */
static int batch_buffer(PyObject *object, Py_buffer *view, int flags) {
    Batch *self = (Batch *)object;
    void *data = self->arena.size != 0 ? self->arena.data : "";
    return PyBuffer_FillInfo(view, object, data, (Py_ssize_t)self->arena.size, 1, flags);
}

static PyMethodDef batch_methods[] = {
    {"column", batch_column, METH_VARARGS, "column(column, most=...): a column's values, as a list; those of more bytes as views of these."},
    {"row", batch_row, METH_VARARGS, "A row's values, as a tuple."},
    {"value", batch_value, METH_VARARGS, "value(row, column, most=...): a value; a view of its bytes where they are more."},
    {"kinds", batch_kinds, METH_VARARGS, "A column's storage classes: bit N for SQLite's type code N."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot batch_slots[] = {
    {Py_tp_doc, "Rows as SQLite stores them."},
    {Py_tp_dealloc, batch_free},
    {Py_tp_methods, batch_methods},
    {Py_sq_length, batch_length},
    {Py_bf_getbuffer, batch_buffer},
    {0, NULL},
};

PyType_Spec batch_spec = {
    "litelift._native.Batch", sizeof(Batch), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, batch_slots,
};
