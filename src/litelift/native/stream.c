/* SQLite's rows to COPY's bytes without anything between them, as long as their values are plain. */
#include "reader.h"
#include "writer.h"

typedef struct {
    Reader *reader;
    Writer *writer;
    int first; /* the statement's column that is the writer's first */
    Codec **codecs;
    Forms *forms;
    int *timed; /* the columns whose forms are counted */
    int timed_count;
    Py_ssize_t rows;
    Batch *left; /* takes the row that is not plain */
} Stream;

/* Write the statement's row; DEFER where a value is not plain, or large enough not to be copied once more. */
static Verdict write_row(Stream *stream, Forms *forms) {
    Writer *writer = stream->writer;
    Buffer *out = &writer->rows;
    const Encode *encoders = writer->binary ? encode_binary : encode_text;
    if (!buffer_reserve(out, 2)) return NO_MEMORY;
    if (writer->binary) put_u16(out, (uint16_t)writer->columns);
    for (int place = 0; place < writer->columns; place++) {
        Cell cell;
        const char *bytes;
        if (!reader_cell(stream->reader, stream->first + place, &cell, &bytes)) return NO_MEMORY;
        if (cell.size >= LARGE_BYTES) return DEFER;
        const Codec *codec = stream->codecs[place];
        Verdict verdict =
            writer_field(encoders[codec->kind], codec, &cell, bytes, writer->binary, out, &forms[place]);
        if (verdict != PLAIN) return verdict;
        if (!writer->binary) {
            if (!buffer_reserve(out, 1)) return NO_MEMORY;
            put_byte(out, place + 1 < writer->columns ? '\t' : '\n');
        }
    }
    return PLAIN;
}

/* Returns SQLite's code: SQLITE_ROW where it stopped before the end. `row` is room for the forms of one row. */
static int write_rows(Stream *stream, Forms *row, Py_ssize_t rows, size_t bytes) {
    Buffer *out = &stream->writer->rows;
    while (stream->rows < rows && out->size < bytes) {
        int code = sqlite.step(stream->reader->statement);
        if (code != SQLITE_ROW) return code;
        size_t start = out->size;
        for (int at = 0; at < stream->timed_count; at++) row[stream->timed[at]] = (Forms){0, 0};
        Verdict verdict = write_row(stream, row);
        if (verdict == NO_MEMORY) return SQLITE_NOMEM;
        if (verdict == DEFER) {
            out->size = start;
            return reader_row(stream->reader, stream->left) ? SQLITE_ROW : SQLITE_NOMEM;
        }
        for (int at = 0; at < stream->timed_count; at++) {
            int place = stream->timed[at];
            stream->forms[place].naive += row[place].naive;
            stream->forms[place].offset += row[place].offset;
        }
        stream->rows++;
    }
    return SQLITE_ROW;
}

static PyObject *run(Stream *stream, Py_ssize_t rows, size_t bytes) {
    Reader *reader = stream->reader;
    Forms *row = calloc((size_t)stream->writer->columns, sizeof *row);
    int code = SQLITE_NOMEM;
    if (row != NULL) {
        buffer_clear(&stream->writer->rows);
        reader->connection->busy = true;
        Py_BEGIN_ALLOW_THREADS
        code = write_rows(stream, row, rows, bytes);
        Py_END_ALLOW_THREADS
        reader->connection->busy = false;
        free(row);
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        buffer_clear(&stream->writer->rows);
        connection_fail(reader->connection->database, code);
        reader_close(reader);
        return NULL;
    }
    if (code == SQLITE_DONE) reader_close(reader);
    PyObject *forms = writer_forms(stream->writer, stream->forms);
    if (forms == NULL) return NULL;
    PyObject *left = stream->left->rows > 0 ? (PyObject *)stream->left : Py_None;
    return Py_BuildValue("nOON", stream->rows, code == SQLITE_DONE ? Py_True : Py_False, left, forms);
}

PyObject *reader_stream(PyObject *object, PyObject *arguments) {
    Stream stream = {.reader = (Reader *)object};
    Py_ssize_t rows, bytes;
    PyObject *given;
    if (!PyArg_ParseTuple(arguments, "O!iO!nn", types.writer, &stream.writer, &stream.first, &PyTuple_Type, &given, &rows,
                          &bytes))
        return NULL;
    if (PyErr_CheckSignals() != 0 || !reader_can_step(stream.reader) || !writer_is_free(stream.writer)) return NULL;
    if (stream.first < 0 || stream.first > stream.reader->columns - stream.writer->columns) {
        PyErr_SetString(PyExc_ValueError, "the statement does not have the writer's columns");
        return NULL;
    }
    stream.codecs = writer_codecs(stream.writer, given);
    if (stream.codecs == NULL) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a column has no codec");
        return NULL;
    }
    stream.forms = calloc((size_t)stream.writer->columns, sizeof *stream.forms);
    stream.timed = calloc((size_t)stream.writer->columns, sizeof *stream.timed);
    for (int place = 0; stream.timed != NULL && place < stream.writer->columns; place++) {
        Kind kind = stream.codecs[place]->kind;
        if (kind == DATE || kind == TIME || kind == TIMESTAMP || kind == TIMESTAMPTZ)
            stream.timed[stream.timed_count++] = place;
    }
    stream.left = batch_new(stream.reader->columns);
    PyObject *result = NULL;
    if (stream.forms == NULL || stream.timed == NULL) {
        PyErr_NoMemory();
    } else if (stream.left != NULL) {
        result = run(&stream, rows < 1 ? 1 : rows, bytes < 1 ? 1 : (size_t)bytes);
    }
    Py_XDECREF((PyObject *)stream.left);
    free(stream.codecs);
    free(stream.forms);
    free(stream.timed);
    return result;
}
