/* Counts a column's values for the census, batch by batch; what Python must look at is told by row. */
#include "distinct.h"
#include "facts.h"
#include "fits.h"
#include "forms.h"
#include "sqlite_api.h"

typedef struct {
    PyObject_HEAD
    int most;        /* distinct values that are kept */
    int most_length; /* characters of a text that is one of these */
    int named;       /* blobs that are named to Python */
    Py_ssize_t unreadable;
    Facts facts;
    Tops tops;
    bool many; /* more distinct values than `most`, or none that are kept */
    Distinct distinct;
    Py_ssize_t probes;
    PyObject *kept;       /* a tuple of the probes' codecs */
    const Codec **codecs; /* these */
    Forms *forms;         /* of each probe */
} Tally;

/* What one batch told. */
typedef struct {
    Rows unreadable;
    Rows forms[FORMS];
    Rows *probes;
    Forms *counted;
} Told;

static PyObject *tally_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    PyObject *codecs;
    int most, length, named;
    if (!PyArg_ParseTuple(arguments, "O!iii", &PyTuple_Type, &codecs, &most, &length, &named)) return NULL;
    Py_ssize_t probes = PyTuple_Size(codecs);
    for (Py_ssize_t at = 0; at < probes; at++) {
        if (Py_IS_TYPE(PyTuple_GetItem(codecs, at), types.codec)) continue;
        PyErr_SetString(PyExc_TypeError, "a probe is a Codec");
        return NULL;
    }
    if (most < 0 || most > DISTINCT_MOST || length < 0 || named < 0) {
        PyErr_SetString(PyExc_ValueError, "a limit is out of its range");
        return NULL;
    }
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Tally *self = (Tally *)make(type, 0);
    if (self == NULL) return NULL;
    self->most = most;
    self->most_length = length;
    self->named = named;
    self->probes = probes;
    self->kept = Py_NewRef(codecs);
    self->codecs = calloc((size_t)probes + 1, sizeof *self->codecs);
    self->forms = calloc((size_t)probes + 1, sizeof *self->forms);
    if (self->codecs == NULL || self->forms == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t at = 0; at < probes; at++) self->codecs[at] = (const Codec *)PyTuple_GetItem(codecs, at);
    return (PyObject *)self;
}

static void tally_free(PyObject *object) {
    Tally *self = (Tally *)object;
    PyTypeObject *type = Py_TYPE(object);
    distinct_clear(&self->distinct);
    buffer_free(&self->distinct.texts);
    Py_XDECREF(self->kept);
    free(self->codecs);
    free(self->forms);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static void count_distinct(Tally *self, const Batch *batch, int column) {
    self->many = self->facts.blobs > 0 || self->facts.reals > 0 || self->facts.longest > (size_t)self->most_length;
    for (Py_ssize_t row = 0; row < batch->rows && !self->many; row++) {
        const Cell *cell = batch_cell(batch, row, column);
        if (cell->kind != SQLITE_NULL)
            self->many = !distinct_add(&self->distinct, self->most, cell, cell_bytes(batch, cell));
    }
    if (self->many) distinct_clear(&self->distinct);
}

static bool look_for(int form, const Batch *batch, int column, Rows *others) {
    for (Py_ssize_t row = 0; row < batch->rows; row++) {
        const Cell *cell = batch_cell(batch, row, column);
        if (cell->kind != SQLITE_TEXT || has_form(form, cell_bytes(batch, cell), cell->size)) continue;
        if (!rows_add(others, batch, row)) return false;
    }
    return true;
}

/* Whether the counts alone say that every value of the column fits. */
static bool all_fit(const Codec *codec, const Facts *batch) {
    if (batch->blobs != 0 || batch->reals != 0) return false;
    if (codec->kind == INTEGER) return codec->first == 8 && batch->texts == 0;
    return codec->kind == TEXT && (codec->first < 0 || (batch->integers == 0 && batch->longest_text <= (size_t)codec->first));
}

static bool probe(const Codec *codec, const Batch *batch, int column, Rows *others, Forms *forms) {
    for (Py_ssize_t row = 0; row < batch->rows; row++) {
        const Cell *cell = batch_cell(batch, row, column);
        if (cell->kind == SQLITE_NULL || codec_fits(codec, cell, cell_bytes(batch, cell), forms)) continue;
        if (!rows_add(others, batch, row)) return false;
    }
    return true;
}

static Outcome count(Tally *self, const Batch *batch, int column, int forms, bool distinct, Told *told) {
    Facts facts = self->facts;
    Tops tops = self->tops;
    Py_ssize_t most = self->named > self->unreadable ? self->named - self->unreadable : 0;
    Outcome outcome = facts_add(&facts, &tops, batch, column, &told->unreadable, most);
    if (outcome != COUNTED) return outcome;
    Facts added = facts;
    added.integers -= self->facts.integers;
    added.reals -= self->facts.reals;
    added.texts -= self->facts.texts;
    added.blobs -= self->facts.blobs;
    for (int form = 0; form < FORMS && added.texts > 0; form++)
        if ((forms >> form & 1) && !look_for(form, batch, column, &told->forms[form])) return OUT_OF_MEMORY;
    for (Py_ssize_t at = 0; at < self->probes; at++) {
        const Codec *codec = self->codecs[at];
        if (!all_fit(codec, &added) && !probe(codec, batch, column, &told->probes[at], &told->counted[at]))
            return OUT_OF_MEMORY;
    }
    self->facts = facts;
    self->tops = tops;
    self->unreadable += told->unreadable.count;
    for (Py_ssize_t at = 0; at < self->probes; at++) {
        self->forms[at].naive += told->counted[at].naive;
        self->forms[at].offset += told->counted[at].offset;
    }
    if (distinct && !self->many) count_distinct(self, batch, column);
    return COUNTED;
}

static PyObject *row_list(const Rows *rows) {
    PyObject *list = PyList_New(rows->count);
    for (Py_ssize_t at = 0; list != NULL && at < rows->count; at++) {
        PyObject *row = PyLong_FromUnsignedLong(rows->rows[at]);
        if (row == NULL || PyList_SetItem(list, at, row) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *list_of(const Rows *rows, Py_ssize_t count) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t at = 0; list != NULL && at < count; at++) {
        PyObject *inner = row_list(&rows[at]);
        if (inner == NULL || PyList_SetItem(list, at, inner) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *tell(const Tally *self, const Told *told) {
    const Top *tops[] = {&self->tops.length, &self->tops.integer, &self->tops.real};
    bool any = told->unreadable.count > 0;
    for (int at = 0; at < 3; at++) any = any || tops[at]->first_row >= 0 || tops[at]->second_row >= 0;
    for (int at = 0; at < FORMS; at++) any = any || told->forms[at].count > 0;
    for (Py_ssize_t at = 0; at < self->probes; at++) any = any || told->probes[at].count > 0;
    if (!any) return PyTuple_New(0);
    PyObject *unreadable = row_list(&told->unreadable), *forms = list_of(told->forms, FORMS);
    PyObject *probes = list_of(told->probes, self->probes);
    if (unreadable != NULL && forms != NULL && probes != NULL)
        return Py_BuildValue("((nn)(nnnn)NNN)", tops[0]->first_row, tops[0]->second_row, tops[1]->first_row,
                             tops[1]->second_row, tops[2]->first_row, tops[2]->second_row, unreadable, forms, probes);
    Py_XDECREF(unreadable);
    Py_XDECREF(forms);
    Py_XDECREF(probes);
    return NULL;
}

static PyObject *tally_add(PyObject *object, PyObject *arguments) {
    Tally *self = (Tally *)object;
    Batch *batch;
    int column, forms, distinct;
    if (!PyArg_ParseTuple(arguments, "O!iip", types.batch, &batch, &column, &forms, &distinct)) return NULL;
    if (column < 0 || column >= batch->columns) {
        PyErr_SetString(PyExc_IndexError, "no such column in the batch");
        return NULL;
    }
    Told told = {0};
    told.probes = calloc((size_t)self->probes + 1, sizeof *told.probes);
    told.counted = calloc((size_t)self->probes + 1, sizeof *told.counted);
    Outcome outcome = OUT_OF_MEMORY;
    if (told.probes != NULL && told.counted != NULL) {
        Py_BEGIN_ALLOW_THREADS
        outcome = count(self, batch, column, forms, distinct != 0, &told);
        Py_END_ALLOW_THREADS
    }
    PyObject *result = outcome == COUNTED     ? tell(self, &told)
                       : outcome == NOT_PLAIN ? Py_NewRef(Py_None)
                                              : PyErr_NoMemory();
    free(told.unreadable.rows);
    for (int form = 0; form < FORMS; form++) free(told.forms[form].rows);
    for (Py_ssize_t at = 0; told.probes != NULL && at < self->probes; at++) free(told.probes[at].rows);
    free(told.probes);
    free(told.counted);
    return result;
}

static PyObject *distinct_list(const Tally *self) {
    if (self->many) return Py_NewRef(Py_None);
    PyObject *list = PyList_New(self->distinct.count);
    for (int at = 0; list != NULL && at < self->distinct.count; at++) {
        const Known *known = &self->distinct.known[at];
        PyObject *value = known->integer
                              ? PyLong_FromLongLong((long long)known->word)
                              : PyUnicode_DecodeUTF8(self->distinct.texts.data + known->at, (Py_ssize_t)known->size, NULL);
        PyObject *pair = value == NULL ? NULL : Py_BuildValue("Nn", value, known->count);
        if (pair == NULL || PyList_SetItem(list, at, pair) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *forms_list(const Tally *self) {
    PyObject *list = PyList_New(self->probes);
    for (Py_ssize_t at = 0; list != NULL && at < self->probes; at++) {
        PyObject *pair = Py_BuildValue("nn", self->forms[at].naive, self->forms[at].offset);
        if (pair == NULL || PyList_SetItem(list, at, pair) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *tally_take(PyObject *object, PyObject *unused) {
    (void)unused;
    Tally *self = (Tally *)object;
    const Facts *facts = &self->facts;
    PyObject *distinct = distinct_list(self), *forms = forms_list(self);
    if (distinct == NULL || forms == NULL) {
        Py_XDECREF(distinct);
        Py_XDECREF(forms);
        return NULL;
    }
    PyObject *result = Py_BuildValue(
        "(nnnnnLLnnnnnNN)", facts->nulls, facts->integers, facts->reals, facts->texts, facts->blobs,
        (long long)facts->least, (long long)facts->greatest, facts->infinite, (Py_ssize_t)facts->longest,
        (Py_ssize_t)facts->bytes, facts->unreadable, facts->undecodable, distinct, forms);
    if (result == NULL) return NULL;
    memset(&self->facts, 0, sizeof self->facts);
    memset(self->forms, 0, (size_t)self->probes * sizeof *self->forms);
    distinct_clear(&self->distinct);
    return result;
}

static PyMethodDef tally_methods[] = {
    {"add", tally_add, METH_VARARGS,
     "add(batch, column, forms, distinct): None, and nothing counted, where a text is none that PostgreSQL can hold; "
     "else the rows that Python must look at, () where there are none."},
    {"take", tally_take, METH_NOARGS, "The counts since the last time."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tally_slots[] = {
    {Py_tp_doc, "Counts a column for the census: Tally(codecs, most distinct, longest distinct, most unreadable)."},
    {Py_tp_new, tally_new},
    {Py_tp_dealloc, tally_free},
    {Py_tp_methods, tally_methods},
    {0, NULL},
};

PyType_Spec tally_spec = {
    "litelift._native.Tally", sizeof(Tally), 0, Py_TPFLAGS_DEFAULT, tally_slots,
};
