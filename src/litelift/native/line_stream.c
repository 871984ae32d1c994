/* SQLite's rows to canonical lines without anything between them, as long as no value of them is for Python to read. */
#include "lines.h"
#include "reader.h"

/* Add the statement's row, or leave it in the batch where Python has to read a value of it. False where there is no
 * memory. */
static bool add_row(Lines *self, const Reader *reader, int first, Batch *left) {
    buffer_clear(&self->line);
    for (int at = 0; at < self->columns; at++) {
        Cell cell;
        const char *bytes;
        if (!reader_cell(reader, first + at, &cell, &bytes)) return false;
        if (!buffer_reserve(&self->line, 2 * (size_t)cell.size + CELL_BYTES)) return false;
        const Column *column = &self->column[at];
        if (cell.kind == SQLITE_NULL) {
            put_bytes(&self->line, "\\N", 2);
        } else if (!read_cell[column->reading](column, &cell, bytes, &self->line)) {
            return reader_row(reader, left);
        }
        if (at + 1 < self->columns) put_byte(&self->line, '\t');
    }
    line_add(self, self->line.data, self->line.size, &self->sum);
    self->count++;
    return true;
}

/* Returns SQLite's code: SQLITE_ROW where it stopped before the end. */
static int add_streamed(Lines *self, const Reader *reader, int first, int64_t rows, size_t bytes, Batch *left) {
    int64_t last = self->count + rows;
    for (size_t size = 0; self->count < last && size < bytes && left->rows == 0; size += self->line.size) {
        int code = sqlite.step(reader->statement);
        if (code != SQLITE_ROW) return code;
        if (!add_row(self, reader, first, left)) return SQLITE_NOMEM;
    }
    return SQLITE_ROW;
}

PyObject *lines_stream(PyObject *object, PyObject *arguments) {
    Lines *self = (Lines *)object;
    Reader *reader;
    int first;
    Py_ssize_t rows, bytes;
    if (!PyArg_ParseTuple(arguments, "O!inn", types.reader, &reader, &first, &rows, &bytes)) return NULL;
    if (PyErr_CheckSignals() != 0 || !reader_can_step(reader) || !lines_free_to_use(self)) return NULL;
    if (self->columns == 0 || first < 0 || first > reader->columns - self->columns || rows < 1 || bytes < 1) {
        PyErr_SetString(PyExc_ValueError, "the statement does not have the columns");
        return NULL;
    }
    Batch *left = batch_new(reader->columns);
    if (left == NULL) return NULL;
    int64_t before = self->count;
    int code;
    self->busy = reader->connection->busy = true;
    Py_BEGIN_ALLOW_THREADS
    code = add_streamed(self, reader, first, rows, (size_t)bytes, left);
    Py_END_ALLOW_THREADS
    self->busy = reader->connection->busy = false;
    PyObject *result = NULL;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        connection_fail(reader->connection->database, code);
        reader_close(reader);
    } else {
        if (code == SQLITE_DONE) reader_close(reader);
        result = Py_BuildValue("LOO", (long long)(self->count - before), code == SQLITE_DONE ? Py_True : Py_False,
                               left->rows > 0 ? (PyObject *)left : Py_None);
    }
    Py_DECREF((PyObject *)left);
    return result;
}
