/* Puts a batch's columns together as a block for COPY. */
#include "writer.h"

#include "sqlite_api.h"

static PyObject *writer_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    int columns, binary;
    if (!PyArg_ParseTuple(arguments, "ip", &columns, &binary)) return NULL;
    if (columns < 0 || columns > INT16_MAX) {
        PyErr_SetString(PyExc_ValueError, "too many columns");
        return NULL;
    }
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Writer *self = (Writer *)make(type, 0);
    if (self == NULL) return NULL;
    self->column = calloc((size_t)columns + 1, sizeof *self->column);
    if (self->column == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->columns = columns;
    self->binary = binary != 0;
    return (PyObject *)self;
}

static void writer_free(PyObject *object) {
    Writer *self = (Writer *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (int place = 0; self->column != NULL && place < self->columns; place++) {
        buffer_free(&self->column[place].data);
        free(self->column[place].sizes);
    }
    free(self->column);
    buffer_free(&self->rows);
    free(self->holes);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* The column at `place`, empty, with room for the sizes of `rows`. */
static Column *begin(Writer *self, int place, Py_ssize_t rows) {
    if (place < 0 || place >= self->columns) {
        PyErr_SetString(PyExc_IndexError, "no such column in the writer");
        return NULL;
    }
    Column *column = &self->column[place];
    buffer_clear(&column->data);
    column->rows = 0;
    if (rows > column->room) {
        if ((size_t)rows > SIZE_MAX / sizeof(size_t)) return (Column *)PyErr_NoMemory();
        size_t *sizes = realloc(column->sizes, (size_t)rows * sizeof(size_t));
        if (sizes == NULL) return (Column *)PyErr_NoMemory();
        column->sizes = sizes;
        column->room = rows;
    }
    return column;
}

static Verdict encode_column(Column *column, const Batch *batch, int number, const Codec *codec, bool binary,
                             Forms *forms) {
    Encode encode = (binary ? encode_binary : encode_text)[codec->kind];
    Buffer *data = &column->data;
    for (Py_ssize_t row = 0; row < batch->rows; row++) {
        size_t start = data->size;
        const Cell *cell = batch_cell(batch, row, number);
        Verdict verdict = writer_field(encode, codec, cell, batch_bytes(batch, cell), binary, data, forms);
        if (verdict != PLAIN) return verdict;
        column->sizes[row] = data->size - start;
    }
    column->rows = batch->rows;
    return PLAIN;
}

static PyObject *writer_encode(PyObject *object, PyObject *arguments) {
    Writer *self = (Writer *)object;
    int place, number;
    Batch *batch;
    Codec *codec;
    if (!PyArg_ParseTuple(arguments, "iO!iO!", &place, types.batch, &batch, &number, types.codec, &codec)) return NULL;
    if (number < 0 || number >= batch->columns) {
        PyErr_SetString(PyExc_IndexError, "no such column in the batch");
        return NULL;
    }
    Column *column = begin(self, place, batch->rows);
    if (column == NULL) return NULL;
    Forms forms = {0, 0};
    Verdict verdict;
    Py_BEGIN_ALLOW_THREADS
    verdict = encode_column(column, batch, number, codec, self->binary, &forms);
    Py_END_ALLOW_THREADS
    if (verdict == NO_MEMORY) return PyErr_NoMemory();
    if (verdict == DEFER) Py_RETURN_NONE;
    return Py_BuildValue("nn", forms.naive, forms.offset);
}

static bool put_field(Writer *self, Column *column, PyObject *item) {
    Buffer *data = &column->data;
    size_t start = data->size;
    const char *bytes = NULL;
    Py_ssize_t size = 0;
    if (item == Py_None) {
        if (!buffer_reserve(data, LENGTH_BYTES)) return PyErr_NoMemory() != NULL;
        if (self->binary) {
            put_u32(data, UINT32_MAX);
        } else {
            put_bytes(data, "\\N", 2);
        }
    } else {
        if (PyUnicode_Check(item)) {
            bytes = PyUnicode_AsUTF8AndSize(item, &size);
            if (bytes == NULL) return false;
        } else if (PyBytes_Check(item)) {
            bytes = PyBytes_AsString(item);
            size = PyBytes_Size(item);
        } else {
            PyErr_SetString(PyExc_TypeError, "a field is text, bytes or None");
            return false;
        }
        if (!buffer_reserve(data, (size_t)size + LENGTH_BYTES)) return PyErr_NoMemory() != NULL;
        if (self->binary) data->size += LENGTH_BYTES;
        put_bytes(data, bytes, (size_t)size);
        if (self->binary && !set_length(data, start)) return PyErr_NoMemory() != NULL;
    }
    column->sizes[column->rows++] = data->size - start;
    return true;
}

static PyObject *writer_put(PyObject *object, PyObject *arguments) {
    Writer *self = (Writer *)object;
    int place;
    PyObject *fields;
    if (!PyArg_ParseTuple(arguments, "iO!", &place, &PyList_Type, &fields)) return NULL;
    Py_ssize_t rows = PyList_Size(fields);
    Column *column = begin(self, place, rows);
    if (column == NULL) return NULL;
    for (Py_ssize_t row = 0; row < rows; row++)
        if (!put_field(self, column, PyList_GetItem(fields, row))) return NULL;
    Py_RETURN_NONE;
}

/* The block's size, and whether every column has its rows. */
static bool measure(const Writer *self, Py_ssize_t rows, const char *skip, size_t *total) {
    size_t kept = 0;
    *total = 0;
    for (Py_ssize_t row = 0; row < rows; row++) kept += skip == NULL || !skip[row];
    for (int place = 0; place < self->columns; place++) {
        const Column *column = &self->column[place];
        if (column->rows != rows) return false;
        if (skip == NULL) {
            *total += column->data.size;
        } else {
            for (Py_ssize_t row = 0; row < rows; row++) *total += skip[row] ? 0 : column->sizes[row];
        }
    }
    /* A tab or newline after each field, or the number of fields before each row. */
    *total += self->binary ? kept * 2 : kept * (size_t)(self->columns > 0 ? self->columns : 1);
    return true;
}

static void assemble(const Writer *self, Py_ssize_t rows, const char *skip, size_t *places, char *data, size_t total) {
    Buffer out = {data, 0, total};
    for (Py_ssize_t row = 0; row < rows; row++) {
        bool kept = skip == NULL || !skip[row];
        if (kept && self->binary) put_u16(&out, (uint16_t)self->columns);
        for (int place = 0; place < self->columns; place++) {
            const Column *column = &self->column[place];
            size_t size = column->sizes[row];
            if (kept) {
                put_bytes(&out, column->data.data + places[place], size);
                if (!self->binary) put_byte(&out, place + 1 < self->columns ? '\t' : '\n');
            }
            places[place] += size;
        }
        if (kept && !self->binary && self->columns == 0) put_byte(&out, '\n');
    }
}

static PyObject *writer_block(PyObject *object, PyObject *arguments) {
    Writer *self = (Writer *)object;
    Py_ssize_t rows, marks = 0;
    const char *skip = NULL;
    if (!PyArg_ParseTuple(arguments, "n|z#", &rows, &skip, &marks)) return NULL;
    size_t total;
    if (rows < 0 || (skip != NULL && marks != rows) || !measure(self, rows, skip, &total)) {
        PyErr_SetString(PyExc_ValueError, "the columns do not have the block's rows");
        return NULL;
    }
    if (total > PY_SSIZE_T_MAX) return PyErr_NoMemory();
    size_t *places = calloc((size_t)self->columns + 1, sizeof *places);
    if (places == NULL) return PyErr_NoMemory();
    PyObject *block = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)total);
    if (block != NULL && total > 0) {
        char *data = PyBytes_AsString(block);
        Py_BEGIN_ALLOW_THREADS
        assemble(self, rows, skip, places, data, total);
        Py_END_ALLOW_THREADS
    }
    free(places);
    return block;
}

static PyMethodDef writer_methods[] = {
    {"encode", writer_encode, METH_VARARGS,
     "encode(place, batch, column, codec): the forms counted, (naive, with an offset); None where a value is not plain."},
    {"rows", writer_rows, METH_VARARGS,
     "rows(batch, first, codecs): make a block of the batch's columns from `first`, which the writer's buffer then is. "
     "The forms counted, by place; and the large values that belong into it: (place in the block, place in the batch, "
     "size). None where a value is not plain."},
    {"put", writer_put, METH_VARARGS, "put(place, fields): a column's fields, made elsewhere; None for NULL."},
    {"block", writer_block, METH_VARARGS, "block(rows, skip=None): the rows but those whose byte in skip is not 0."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_doc, "A table's fields on their way into COPY: Writer(columns, binary)."},
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_free},
    {Py_tp_methods, writer_methods},
    {Py_bf_getbuffer, writer_buffer},
    {Py_bf_releasebuffer, writer_release},
    {0, NULL},
};

PyType_Spec writer_spec = {
    "litelift._native.Writer", sizeof(Writer), 0, Py_TPFLAGS_DEFAULT, writer_slots,
};
