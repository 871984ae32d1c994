/* Rows that SQLite stores as canonical lines, with the columns that Python gives. */
#include "lines.h"
#include "sqlite_api.h"

/* The next of the cells that Python gave; they end with newlines, but for the last. */
const char *given_cell(Given *given, size_t *size) {
    const char *cell = given->next;
    const char *newline = memchr(cell, '\n', (size_t)(given->end - cell));
    *size = (size_t)((newline != NULL ? newline : given->end) - cell);
    given->next = newline != NULL ? newline + 1 : given->end;
    return cell;
}

bool lines_take_given(Lines *self, PyObject *given) {
    if (PyTuple_Size(given) != self->columns) {
        PyErr_SetString(PyExc_ValueError, "not as many as there are columns");
        return false;
    }
    for (int at = 0; at < self->columns; at++) {
        PyObject *cells = PyTuple_GetItem(given, at);
        self->given[at] = (Given){NULL, NULL, false};
        if (cells == Py_None) continue;
        char *bytes;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(cells, &bytes, &size) < 0) return false;
        self->given[at] = (Given){bytes, bytes + size, false};
    }
    return true;
}

void lines_forget_given(Lines *self) {
    for (int at = 0; at < self->columns; at++) self->given[at] = (Given){NULL, NULL, false};
}

static bool put_cell(Lines *self, int at, const Batch *batch, const Cell *cell) {
    const Column *column = &self->column[at];
    Given *given = &self->given[at];
    if (given->next != NULL) {
        size_t size;
        const char *field = given_cell(given, &size);
        if (!buffer_reserve(&self->line, size + CELL_BYTES)) return false;
        put_field(column->form, field, size, &self->line);
        return true;
    }
    if (!buffer_reserve(&self->line, 2 * (size_t)cell->size + CELL_BYTES)) return false;
    if (cell->kind == SQLITE_NULL) {
        put_bytes(&self->line, "\\N", 2);
        return true;
    }
    /* An empty batch has no arena, and an empty value may stand at its end. */
    const char *bytes = cell->size == 0 ? "" : batch->arena.data + cell->value.at;
    if (!read_cell[column->reading](column, cell, bytes, &self->line)) given->wanted = true;
    return true;
}

/* Whether Python has to give a column before the batch can be added. */
static bool wants(const Lines *self) {
    for (int at = 0; at < self->columns; at++)
        if (self->given[at].wanted) return true;
    return false;
}

static bool add_rows(Lines *self, const Batch *batch, int first) {
    Hash sum = self->sum;
    for (Py_ssize_t row = 0; row < batch->rows; row++) {
        buffer_clear(&self->line);
        if (!buffer_reserve(&self->line, CELL_BYTES)) return false;
        for (int at = 0; at < self->columns; at++) {
            if (!put_cell(self, at, batch, batch_cell(batch, row, first + at))) return false;
            if (at + 1 < self->columns) put_byte(&self->line, '\t');
        }
        if (self->columns == 0) put_bytes(&self->line, "\\N", 2);
        line_add(self, self->line.data, self->line.size, &sum);
    }
    if (wants(self)) return true;
    self->sum = sum;
    self->count += batch->rows;
    return true;
}

PyObject *lines_add(PyObject *object, PyObject *arguments) {
    Lines *self = (Lines *)object;
    Batch *batch;
    int first;
    PyObject *given;
    if (!PyArg_ParseTuple(arguments, "O!iO!", types.batch, &batch, &first, &PyTuple_Type, &given)) return NULL;
    if (first < 0 || first > batch->columns - self->columns) {
        PyErr_SetString(PyExc_ValueError, "the batch does not have the columns");
        return NULL;
    }
    if (!lines_free_to_use(self) || !lines_take_given(self, given)) return NULL;
    bool added;
    self->busy = true;
    Py_BEGIN_ALLOW_THREADS
    added = add_rows(self, batch, first);
    Py_END_ALLOW_THREADS
    self->busy = false;
    PyObject *wanted = added ? PyList_New(0) : PyErr_NoMemory();
    for (int at = 0; wanted != NULL && at < self->columns; at++) {
        if (!self->given[at].wanted) continue;
        PyObject *number = PyLong_FromLong(at);
        if (number == NULL || PyList_Append(wanted, number) < 0) Py_CLEAR(wanted);
        Py_XDECREF(number);
    }
    lines_forget_given(self);
    return wanted;
}
