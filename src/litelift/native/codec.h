/* What a column is to the writer: a kind and its parameters, as Codec.native in wire/codec.py says them. */
#ifndef LITELIFT_CODEC_H
#define LITELIFT_CODEC_H

#include "native.h"

typedef enum {
    BOOL,
    INTEGER, /* first: bytes */
    FLOAT8,
    FLOAT4,
    NUMERIC, /* first: precision or -1; second: scale */
    TEXT,    /* first: characters or -1 */
    BYTEA,
    DATE,
    TIMESTAMP,   /* first: decimals */
    TIMESTAMPTZ, /* first: decimals */
    TIME,        /* first: decimals */
    UUID,
    JSON,
    JSONB,
    ENUM,
    KINDS
} Kind;

typedef struct {
    PyObject_HEAD
    Kind kind;
    int first;
    int second;
    Buffer labels;       /* an enum's labels, one after the other */
    size_t *label_ends;  /* where each ends */
    uint32_t *slots;     /* hash table of label numbers, counted from 1 */
    uint32_t slot_count; /* a power of two */
} Codec;

/* How many moments were written without an offset, and with one. */
typedef struct {
    Py_ssize_t naive;
    Py_ssize_t offset;
} Forms;

/* PLAIN: written. DEFER: the codec in Python decides. */
typedef enum { DEFER, PLAIN, NO_MEMORY } Verdict;

typedef Verdict (*Encode)(const Codec *codec, const Cell *cell, const char *bytes, Buffer *out, Forms *forms);

extern const Encode encode_text[KINDS];
extern const Encode encode_binary[KINDS];

bool codec_has_label(const Codec *codec, const char *text, size_t size);

#endif
