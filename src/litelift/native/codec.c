#include "codec.h"

#include "sqlite_api.h"

static const char *const names[KINDS] = {
    "bool", "integer",   "float8",      "float4", "numeric", "text", "bytea", "date",
    "timestamp", "timestamptz", "time", "uuid",   "json",    "jsonb", "enum",
};

/* FNV-1a. */
static uint32_t hash(const char *text, size_t size) {
    uint32_t sum = 2166136261u;
    for (size_t at = 0; at < size; at++) sum = (sum ^ (unsigned char)text[at]) * 16777619u;
    return sum;
}

bool codec_has_label(const Codec *codec, const char *text, size_t size) {
    if (codec->slot_count == 0) return false;
    for (uint32_t slot = hash(text, size);; slot++) {
        uint32_t number = codec->slots[slot & (codec->slot_count - 1)];
        if (number == 0) return false;
        size_t start = number == 1 ? 0 : codec->label_ends[number - 2];
        size_t length = codec->label_ends[number - 1] - start;
        if (length == size && memcmp(codec->labels.data + start, text, size) == 0) return true;
    }
}

/* At most half of the table is filled, so that every search ends. */
static bool take_labels(Codec *self, PyObject *labels) {
    Py_ssize_t count = PyTuple_Size(labels);
    if (count > 1 << 20) {
        PyErr_SetString(PyExc_ValueError, "too many labels");
        return false;
    }
    self->slot_count = 8;
    while (self->slot_count < (uint32_t)count * 2) self->slot_count *= 2;
    self->slots = calloc(self->slot_count, sizeof *self->slots);
    self->label_ends = calloc((size_t)count + 1, sizeof *self->label_ends);
    if (self->slots == NULL || self->label_ends == NULL) return PyErr_NoMemory() != NULL;
    for (Py_ssize_t at = 0; at < count; at++) {
        Py_ssize_t size;
        const char *text = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(labels, at), &size);
        if (text == NULL) return false;
        /* One byte more, so that there is an address where all labels are empty. */
        if (!buffer_reserve(&self->labels, (size_t)size + 1)) return PyErr_NoMemory() != NULL;
        put_bytes(&self->labels, text, (size_t)size);
        self->label_ends[at] = self->labels.size;
        uint32_t slot = hash(text, (size_t)size);
        while (self->slots[slot & (self->slot_count - 1)] != 0) slot++;
        self->slots[slot & (self->slot_count - 1)] = (uint32_t)at + 1;
    }
    return true;
}

static PyObject *codec_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    const char *name;
    int first = -1, second = -1;
    PyObject *labels = NULL;
    if (!PyArg_ParseTuple(arguments, "s|iiO!", &name, &first, &second, &PyTuple_Type, &labels)) return NULL;
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Codec *self = (Codec *)make(type, 0);
    if (self == NULL) return NULL;
    int kind = 0;
    while (kind < KINDS && strcmp(names[kind], name) != 0) kind++;
    bool known = kind < KINDS;
    self->kind = (Kind)kind;
    self->first = first;
    self->second = second;
    if (known && kind == INTEGER) known = first == 2 || first == 4 || first == 8;
    if (known && kind == NUMERIC) known = first == -1 || (second >= 0 && second <= first);
    if (known && (kind == TIMESTAMP || kind == TIMESTAMPTZ || kind == TIME)) known = first >= 0 && first <= 6;
    if (!known) {
        PyErr_Format(PyExc_ValueError, "no such codec: %s %d %d", name, first, second);
        Py_DECREF(self);
        return NULL;
    }
    if (labels != NULL && !take_labels(self, labels)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void codec_free(PyObject *object) {
    Codec *self = (Codec *)object;
    PyTypeObject *type = Py_TYPE(object);
    buffer_free(&self->labels);
    free(self->label_ends);
    free(self->slots);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyType_Slot codec_slots[] = {
    {Py_tp_doc, "How a column is written: Codec(kind, first=-1, second=-1, labels=())."},
    {Py_tp_new, codec_new},
    {Py_tp_dealloc, codec_free},
    {0, NULL},
};

PyType_Spec codec_spec = {
    "litelift._native.Codec", sizeof(Codec), 0, Py_TPFLAGS_DEFAULT, codec_slots,
};
