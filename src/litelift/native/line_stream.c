/* SQLite's rows to canonical lines without anything between them, as long as no value of them is for Python to read. */
#include "lines.h"
#include "reader.h"

/* Rows that are added, up to so many rows and bytes, or to one that Python has to read. */
typedef struct {
    Lines *lines;
    int first; /* the statement's column that is the lines' first */
    int64_t last;
    size_t bytes;
    size_t size;
    Batch *left; /* takes the row that Python has to read */
    bool failed;
} Adding;

/* Bring a row into its form. False where Python has to read a value of it, or where there is no memory. */
static bool put_row(Adding *adding, sqlite3_value **values) {
    Lines *lines = adding->lines;
    buffer_clear(&lines->line);
    for (int at = 0; at < lines->columns; at++) {
        Cell cell;
        const char *bytes;
        if (!value_cell(values[adding->first + at], &cell, &bytes) ||
            !buffer_reserve(&lines->line, 2 * (size_t)cell.size + CELL_BYTES)) {
            adding->failed = true;
            return false;
        }
        const Column *column = &lines->column[at];
        if (cell.kind == SQLITE_NULL) {
            put_bytes(&lines->line, "\\N", 2);
        } else if (!read_cell[column->reading](column, &cell, bytes, &lines->line)) {
            return false;
        }
        if (at + 1 < lines->columns) put_byte(&lines->line, '\t');
    }
    return true;
}

static bool add_row(void *work, sqlite3_value **values) {
    Adding *adding = work;
    Lines *lines = adding->lines;
    if (!put_row(adding, values)) {
        if (!adding->failed) adding->failed = !batch_take(adding->left, values);
        return false;
    }
    line_add(lines, lines->line.data, lines->line.size, &lines->sum);
    lines->count++;
    adding->size += lines->line.size;
    return lines->count < adding->last && adding->size < adding->bytes;
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
    Adding adding = {self, first, before + rows, (size_t)bytes, 0, left, false};
    int code;
    self->busy = reader->connection->busy = true;
    Py_BEGIN_ALLOW_THREADS
    code = reader_run(reader, add_row, &adding);
    Py_END_ALLOW_THREADS
    if (adding.failed) code = SQLITE_NOMEM;
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
