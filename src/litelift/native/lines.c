/* The rows of either side as canonical lines. */
#include "lines.h"

#include "sqlite_api.h"

enum { MOST_COLUMNS = 32767 };

static const char *const readings[READINGS] = {
    "python", "text",    "bpchar", "bytea",     "bool",        "integer", "double",
    "single", "numeric", "date",   "timestamp", "timestamptz", "time",    "uuid",
};
static const char *const forms[FORMS] = {"same", "python", "bpchar", "numeric", "double", "single"};

static int position(const char *const *names, int count, const char *name) {
    for (int at = 0; at < count; at++)
        if (strcmp(names[at], name) == 0) return at;
    PyErr_SetString(PyExc_ValueError, name);
    return -1;
}

static bool set_column(Lines *self, int at, PyObject *given) {
    const char *reading, *form;
    Column *column = &self->column[at];
    if (!PyTuple_Check(given)) {
        PyErr_SetString(PyExc_TypeError, "a column is a tuple");
        return false;
    }
    if (!PyArg_ParseTuple(given, "ssii", &reading, &form, &column->first, &column->second)) return false;
    int read = position(readings, READINGS, reading), put = position(forms, FORMS, form);
    if (read < 0 || put < 0) return false;
    column->reading = (Reading)read;
    column->form = (Form)put;
    self->needs_python |= put == FORM_PYTHON;
    self->as_sent &= put == FORM_SAME;
    return true;
}

static PyObject *lines_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    const char *key;
    Py_ssize_t size;
    PyObject *columns;
    if (!PyArg_ParseTuple(arguments, "y#O!", &key, &size, &PyTuple_Type, &columns)) return NULL;
    if (size != HASH_KEY_BYTES || PyTuple_Size(columns) > MOST_COLUMNS) {
        PyErr_SetString(PyExc_ValueError, "the key has 48 bytes, and a table at most 32767 columns");
        return NULL;
    }
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Lines *self = (Lines *)make(type, 0);
    if (self == NULL) return NULL;
    memcpy(self->key.word, key, HASH_KEY_BYTES);
    self->as_sent = true;
    self->columns = (int)PyTuple_Size(columns);
    self->column = calloc((size_t)self->columns + 1, sizeof *self->column);
    self->given = calloc((size_t)self->columns + 1, sizeof *self->given);
    if (self->column == NULL || self->given == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    for (int at = 0; at < self->columns; at++) {
        if (!set_column(self, at, PyTuple_GetItem(columns, at))) {
            Py_DECREF(self);
            return NULL;
        }
    }
    return (PyObject *)self;
}

static void lines_free(PyObject *object) {
    Lines *self = (Lines *)object;
    PyTypeObject *type = Py_TYPE(object);
    free(self->column);
    free(self->given);
    buffer_free(&self->line);
    buffer_free(&self->held);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

bool lines_free_to_use(const Lines *self) {
    if (self->busy) PyErr_SetString(PyExc_RuntimeError, "another thread works on these lines");
    return !self->busy;
}

/* Put the fields of one line together in their form, with those that were given in the place of its own. */
static bool normalise(Lines *self, const char *line, size_t size, Given *given) {
    const char *end = line + size;
    buffer_clear(&self->line);
    for (int at = 0; at < self->columns; at++) {
        const char *tab = at + 1 < self->columns ? memchr(line, '\t', (size_t)(end - line)) : NULL;
        if (tab == NULL) tab = end;
        const char *field = line;
        size_t length = (size_t)(tab - line);
        if (given[at].next != NULL) field = given_cell(&given[at], &length);
        if (!buffer_reserve(&self->line, length + CELL_BYTES)) return false;
        put_field(self->column[at].form, field, length, &self->line);
        if (at + 1 < self->columns) put_byte(&self->line, '\t');
        line = tab < end ? tab + 1 : end;
    }
    return true;
}

bool lines_take(Lines *self, const char *line, size_t size) {
    if (self->needs_python) {
        if (!buffer_reserve(&self->held, size + 1)) return false;
        put_bytes(&self->held, line, size);
        put_byte(&self->held, '\n');
        self->held_rows++;
        return true;
    }
    if (self->as_sent) {
        line_add(self, line, size, &self->sum);
    } else {
        if (!normalise(self, line, size, self->given)) return false;
        line_add(self, self->line.data, self->line.size, &self->sum);
    }
    self->count++;
    return true;
}

static PyObject *lines_put(PyObject *object, PyObject *arguments) {
    Lines *self = (Lines *)object;
    const char *block;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "y#", &block, &size)) return NULL;
    if (!lines_free_to_use(self)) return NULL;
    for (const char *end = block + size; block < end;) {
        const char *newline = memchr(block, '\n', (size_t)(end - block));
        if (newline == NULL) newline = end;
        if (!lines_take(self, block, (size_t)(newline - block))) return PyErr_NoMemory();
        block = newline + 1;
    }
    Py_RETURN_NONE;
}

/* A column of the lines that are held, as the server sent it: fields that end with newlines, but for the last. */
static PyObject *lines_held(PyObject *object, PyObject *arguments) {
    Lines *self = (Lines *)object;
    int column;
    if (!PyArg_ParseTuple(arguments, "i", &column) || !lines_free_to_use(self)) return NULL;
    Buffer found = {NULL, 0, 0};
    if (!buffer_reserve(&found, self->held.size + 1)) return PyErr_NoMemory();
    const char *line = self->held.data, *end = line + self->held.size;
    for (Py_ssize_t row = 0; row < self->held_rows; row++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        for (int at = 0; at < column && line < newline; at++) {
            const char *tab = memchr(line, '\t', (size_t)(newline - line));
            line = tab != NULL ? tab + 1 : newline;
        }
        const char *tab = memchr(line, '\t', (size_t)(newline - line));
        put_bytes(&found, line, (size_t)((tab != NULL ? tab : newline) - line));
        if (row + 1 < self->held_rows) put_byte(&found, '\n');
        line = newline + 1;
    }
    PyObject *fields = PyBytes_FromStringAndSize(found.data, (Py_ssize_t)found.size);
    buffer_free(&found);
    return fields;
}

/* Add the lines that are held, with the columns that Python gives in the place of the server's. */
static PyObject *lines_settle(PyObject *object, PyObject *arguments) {
    Lines *self = (Lines *)object;
    PyObject *given;
    if (!PyArg_ParseTuple(arguments, "O!", &PyTuple_Type, &given)) return NULL;
    if (!lines_free_to_use(self) || !lines_take_given(self, given)) return NULL;
    bool whole = true;
    self->busy = true;
    Py_BEGIN_ALLOW_THREADS
    const char *line = self->held.data, *end = line + self->held.size;
    for (Py_ssize_t row = 0; whole && row < self->held_rows; row++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        whole = normalise(self, line, (size_t)(newline - line), self->given);
        if (whole) line_add(self, self->line.data, self->line.size, &self->sum);
        line = newline + 1;
    }
    Py_END_ALLOW_THREADS
    self->busy = false;
    lines_forget_given(self);
    if (!whole) return PyErr_NoMemory();
    self->count += self->held_rows;
    self->held_rows = 0;
    buffer_clear(&self->held);
    Py_RETURN_NONE;
}

static PyObject *lines_sums(PyObject *object, PyObject *unused) {
    (void)unused;
    const Lines *self = (Lines *)object;
    return Py_BuildValue("LKK", (long long)self->count, (unsigned long long)self->sum.low,
                         (unsigned long long)self->sum.high);
}

static PyMethodDef lines_methods[] = {
    {"add", lines_add, METH_VARARGS, "Add a batch's rows; the numbers of the columns that Python must give first."},
    {"stream", lines_stream, METH_VARARGS, "Add a reader's rows up to one that Python must read: rows, end, that row."},
    {"put", lines_put, METH_VARARGS, "Take lines that the server sent or Python made."},
    {"receive", lines_receive, METH_VARARGS, "Take at most so many rows and bytes from a PGconn: rows, and the ending."},
    {"held", lines_held, METH_VARARGS, "A column of the lines that wait for Python."},
    {"settle", lines_settle, METH_VARARGS, "Add the lines that waited, with the columns that Python gives."},
    {"sums", lines_sums, METH_NOARGS, "How many lines there were, and the low and high half of their hashes' sum."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot lines_slots[] = {
    {Py_tp_doc, "A table's rows as canonical lines: Lines(key, columns)."},
    {Py_tp_new, lines_new},
    {Py_tp_dealloc, lines_free},
    {Py_tp_methods, lines_methods},
    {0, NULL},
};

PyType_Spec lines_spec = {
    "litelift._native.Lines", sizeof(Lines), 0, Py_TPFLAGS_DEFAULT, lines_slots,
};
