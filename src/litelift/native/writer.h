/* A table's fields on their way into COPY: by column, or, where all is plain, by row. */
#ifndef LITELIFT_WRITER_H
#define LITELIFT_WRITER_H

#include "codec.h"
#include "sqlite_api.h"

enum {
    LENGTH_BYTES = 4,
    LARGE_BYTES = 1 << 20 /* of a value that is worth not being copied once more */
};

/* A column's fields, each ready to be copied: in binary format with its length before it. */
typedef struct {
    Buffer data;
    size_t *sizes;
    Py_ssize_t room;
    Py_ssize_t rows;
} Column;

/* A large value that is not copied into the block: `size` bytes of the batch's arena, for the place `at` in it. */
typedef struct {
    size_t at;
    size_t from;
    size_t size;
} Hole;

typedef struct {
    PyObject_HEAD
    int columns;
    bool binary;
    Column *column;
    Buffer rows;        /* what `rows` made: the writer's own buffer */
    Py_ssize_t exports; /* how many look at it */
    Hole *holes;        /* where in it large values belong */
    size_t hole_count;
    size_t hole_room;
} Writer;

/* Write the length of the field that begins at `start`. False where PostgreSQL cannot have so long a one. */
static inline bool set_length(Buffer *data, size_t start) {
    size_t length = data->size - start - LENGTH_BYTES;
    if (length > INT32_MAX) return false;
    set_u32(data->data + start, (uint32_t)length);
    return true;
}

/* Write one field, ready to be copied, at the end of `data`. */
static inline Verdict writer_field(Encode encode, const Codec *codec, const Cell *cell, const char *bytes, bool binary, Buffer *data,
                     Forms *forms) {
    size_t start = data->size;
    if (!buffer_reserve(data, LENGTH_BYTES)) return NO_MEMORY;
    if (cell->kind == SQLITE_NULL) {
        if (binary) {
            put_u32(data, UINT32_MAX);
        } else {
            put_bytes(data, "\\N", 2);
        }
        return PLAIN;
    }
    if (binary) data->size += LENGTH_BYTES;
    Verdict verdict = encode(codec, cell, bytes, data, forms);
    if (verdict != PLAIN) return verdict;
    return binary && !set_length(data, start) ? NO_MEMORY : PLAIN;
}

/* A list of (place, naive, with an offset), for the places that counted any. */
PyObject *writer_forms(const Writer *self, const Forms *forms);

/* The codecs of a tuple, one for each column; NULL and an exception, or only NULL where one is None. */
Codec **writer_codecs(const Writer *self, PyObject *given);

/* False, and an exception, where somebody looks at the block. */
bool writer_is_free(const Writer *self);

/* In rows.c. */
PyObject *writer_rows(PyObject *object, PyObject *arguments);
int writer_buffer(PyObject *object, Py_buffer *view, int flags);
void writer_release(PyObject *object, Py_buffer *view);

#endif
