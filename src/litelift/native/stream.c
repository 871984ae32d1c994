/* SQLite's rows to COPY's bytes without anything between them, as long as their values are plain. */
#include "reader.h"
#include "writer.h"

typedef struct {
    Reader *reader;
    Writer *writer;
    int first; /* the statement's column that is the writer's first */
    Codec **codecs;
    Forms *forms;
    Forms *row; /* room for those of one row */
    int *timed; /* the columns whose forms are counted */
    int timed_count;
    Py_ssize_t rows, most_rows;
    size_t most_bytes;
    Batch *left; /* takes the row that is not plain */
    bool failed;
} Stream;

/* Write a row; DEFER where a value is not plain, or large enough not to be copied once more. */
static Verdict write_row(Stream *stream, sqlite3_value **values) {
    Writer *writer = stream->writer;
    Buffer *out = &writer->rows;
    const Encode *encoders = writer->binary ? encode_binary : encode_text;
    if (!buffer_reserve(out, 2)) return NO_MEMORY;
    if (writer->binary) put_u16(out, (uint16_t)writer->columns);
    for (int place = 0; place < writer->columns; place++) {
        Cell cell;
        const char *bytes;
        if (!value_cell(values[stream->first + place], &cell, &bytes)) return NO_MEMORY;
        if (cell.size >= LARGE_BYTES) return DEFER;
        const Codec *codec = stream->codecs[place];
        Verdict verdict =
            writer_field(encoders[codec->kind], codec, &cell, bytes, writer->binary, out, &stream->row[place]);
        if (verdict != PLAIN) return verdict;
        if (!writer->binary) {
            if (!buffer_reserve(out, 1)) return NO_MEMORY;
            put_byte(out, place + 1 < writer->columns ? '\t' : '\n');
        }
    }
    return PLAIN;
}

static bool stream_row(void *work, sqlite3_value **values) {
    Stream *stream = work;
    Buffer *out = &stream->writer->rows;
    size_t start = out->size;
    for (int at = 0; at < stream->timed_count; at++) stream->row[stream->timed[at]] = (Forms){0, 0};
    Verdict verdict = write_row(stream, values);
    if (verdict != PLAIN) {
        out->size = start;
        stream->failed = verdict == NO_MEMORY || !batch_take(stream->left, values);
        return false;
    }
    for (int at = 0; at < stream->timed_count; at++) {
        int place = stream->timed[at];
        stream->forms[place].naive += stream->row[place].naive;
        stream->forms[place].offset += stream->row[place].offset;
    }
    stream->rows++;
    return stream->rows < stream->most_rows && out->size < stream->most_bytes;
}

static PyObject *run(Stream *stream) {
    Reader *reader = stream->reader;
    int code;
    buffer_clear(&stream->writer->rows);
    reader->connection->busy = true;
    Py_BEGIN_ALLOW_THREADS
    code = reader_run(reader, stream_row, stream);
    Py_END_ALLOW_THREADS
    reader->connection->busy = false;
    if (stream->failed) code = SQLITE_NOMEM;
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
    stream.row = calloc((size_t)stream.writer->columns, sizeof *stream.row);
    stream.timed = calloc((size_t)stream.writer->columns, sizeof *stream.timed);
    for (int place = 0; stream.timed != NULL && place < stream.writer->columns; place++) {
        Kind kind = stream.codecs[place]->kind;
        if (kind == DATE || kind == TIME || kind == TIMESTAMP || kind == TIMESTAMPTZ)
            stream.timed[stream.timed_count++] = place;
    }
    stream.left = batch_new(stream.reader->columns);
    PyObject *result = NULL;
    if (stream.forms == NULL || stream.row == NULL || stream.timed == NULL) {
        PyErr_NoMemory();
    } else if (stream.left != NULL) {
        stream.most_rows = rows;
        stream.most_bytes = bytes < 1 ? 1 : (size_t)bytes;
        result = run(&stream);
    }
    Py_XDECREF((PyObject *)stream.left);
    free(stream.codecs);
    free(stream.forms);
    free(stream.row);
    free(stream.timed);
    return result;
}
