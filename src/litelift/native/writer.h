/* A table's fields on their way into COPY: by column, or, where all is plain, by row. */
#ifndef LITELIFT_WRITER_H
#define LITELIFT_WRITER_H

#include "codec.h"

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

/* Write one field, ready to be copied, at the end of `data`. */
Verdict writer_field(Encode encode, const Codec *codec, const Cell *cell, const char *bytes, bool binary, Buffer *data,
                     Forms *forms);

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
