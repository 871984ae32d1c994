/* A batch whose values are all plain, row by row: the block is the writer's own buffer. */
#include "read.h"
#include "sqlite_api.h"
#include "writer.h"

/* Whether a value is written as it is, and large. */
static bool is_large(const Codec *codec, const Batch *batch, const Cell *cell) {
    if (cell->size < LARGE_BYTES || (cell->kind != SQLITE_BLOB && cell->kind != SQLITE_TEXT)) return false;
    Words words;
    return codec->kind == BYTEA ||
           (codec->kind == TEXT && read_words(codec, cell, batch->arena.data + cell->value.at, &words));
}

static Verdict leave_hole(Writer *self, const Cell *cell) {
    if (self->hole_count == self->hole_room) {
        size_t room = self->hole_room == 0 ? 16 : self->hole_room * 2;
        Hole *holes = realloc(self->holes, room * sizeof *holes);
        if (holes == NULL) return NO_MEMORY;
        self->holes = holes;
        self->hole_room = room;
    }
    if (!buffer_reserve(&self->rows, LENGTH_BYTES)) return NO_MEMORY;
    put_u32(&self->rows, cell->size);
    self->holes[self->hole_count++] = (Hole){self->rows.size, cell->value.at, cell->size};
    return PLAIN;
}

/* A whole batch row by row, where every value of it is plain. */
static Verdict encode_rows(Writer *self, const Batch *batch, int first, Codec *const *codecs, Forms *forms) {
    Buffer *out = &self->rows;
    for (Py_ssize_t row = 0; row < batch->rows; row++) {
        if (!buffer_reserve(out, 2)) return NO_MEMORY;
        if (self->binary) put_u16(out, (uint16_t)self->columns);
        for (int place = 0; place < self->columns; place++) {
            const Codec *codec = codecs[place];
            Encode encode = (self->binary ? encode_binary : encode_text)[codec->kind];
            const Cell *cell = batch_cell(batch, row, first + place);
            Verdict verdict = self->binary && is_large(codec, batch, cell)
                                  ? leave_hole(self, cell)
                                  : writer_field(encode, codec, cell, batch_bytes(batch, cell), self->binary, out, &forms[place]);
            if (verdict != PLAIN) return verdict;
            if (!self->binary) {
                if (!buffer_reserve(out, 1)) return NO_MEMORY;
                put_byte(out, place + 1 < self->columns ? '\t' : '\n');
            }
        }
    }
    return PLAIN;
}

PyObject *writer_forms(const Writer *self, const Forms *forms) {
    PyObject *counted = PyList_New(0);
    for (int place = 0; counted != NULL && place < self->columns; place++) {
        if (forms[place].naive == 0 && forms[place].offset == 0) continue;
        PyObject *found = Py_BuildValue("inn", place, forms[place].naive, forms[place].offset);
        if (found == NULL || PyList_Append(counted, found) < 0) Py_CLEAR(counted);
        Py_XDECREF(found);
    }
    return counted;
}

static PyObject *holes_of(const Writer *self) {
    PyObject *holes = PyList_New(0);
    for (size_t number = 0; holes != NULL && number < self->hole_count; number++) {
        Hole hole = self->holes[number];
        PyObject *found = Py_BuildValue("nnn", (Py_ssize_t)hole.at, (Py_ssize_t)hole.from, (Py_ssize_t)hole.size);
        if (found == NULL || PyList_Append(holes, found) < 0) Py_CLEAR(holes);
        Py_XDECREF(found);
    }
    return holes;
}

bool writer_is_free(const Writer *self) {
    if (self->exports > 0) PyErr_SetString(PyExc_BufferError, "the block before is still in use");
    return self->exports == 0;
}

Codec **writer_codecs(const Writer *self, PyObject *given) {
    if (PyTuple_Size(given) != self->columns || self->columns == 0) {
        PyErr_SetString(PyExc_ValueError, "there is not a codec for each of the writer's columns");
        return NULL;
    }
    Codec **codecs = calloc((size_t)self->columns, sizeof *codecs);
    if (codecs == NULL) return (Codec **)PyErr_NoMemory();
    for (int place = 0; place < self->columns; place++) {
        PyObject *codec = PyTuple_GetItem(given, place);
        if (Py_TYPE(codec) != types.codec) {
            free(codecs);
            return NULL;
        }
        codecs[place] = (Codec *)codec;
    }
    return codecs;
}

PyObject *writer_rows(PyObject *object, PyObject *arguments) {
    Writer *self = (Writer *)object;
    int first;
    Batch *batch;
    PyObject *given;
    if (!PyArg_ParseTuple(arguments, "O!iO!", types.batch, &batch, &first, &PyTuple_Type, &given)) return NULL;
    if (first < 0 || first > batch->columns - self->columns) {
        PyErr_SetString(PyExc_ValueError, "the batch does not have the writer's columns");
        return NULL;
    }
    if (!writer_is_free(self)) return NULL;
    Codec **codecs = writer_codecs(self, given);
    if (codecs == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    Forms *forms = calloc((size_t)self->columns, sizeof *forms);
    Verdict verdict = NO_MEMORY;
    if (forms != NULL) {
        buffer_clear(&self->rows);
        self->hole_count = 0;
        Py_BEGIN_ALLOW_THREADS
        verdict = encode_rows(self, batch, first, codecs, forms);
        Py_END_ALLOW_THREADS
        if (verdict != PLAIN) buffer_clear(&self->rows);
    }
    PyObject *result = NULL;
    if (verdict == NO_MEMORY) {
        PyErr_NoMemory();
    } else if (verdict == DEFER) {
        result = Py_NewRef(Py_None);
    } else {
        PyObject *counted = writer_forms(self, forms), *holes = holes_of(self);
        if (counted != NULL && holes != NULL) result = PyTuple_Pack(2, counted, holes);
        Py_XDECREF(counted);
        Py_XDECREF(holes);
    }
    free(codecs);
    free(forms);
    return result;
}

int writer_buffer(PyObject *object, Py_buffer *view, int flags) {
    Writer *self = (Writer *)object;
    void *data = self->rows.size != 0 ? self->rows.data : "";
    if (PyBuffer_FillInfo(view, object, data, (Py_ssize_t)self->rows.size, 1, flags) < 0) return -1;
    self->exports++;
    return 0;
}

void writer_release(PyObject *object, Py_buffer *view) {
    (void)view;
    ((Writer *)object)->exports--;
}
