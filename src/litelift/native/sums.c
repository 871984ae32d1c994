/* Sums of the hashes of a statement's rows: one for each group of columns, in whatever order the rows come. */
#include "hash.h"
#include "reader.h"

/* Columns whose values are hashed together. */
typedef struct {
    int *columns;
    Py_ssize_t count;
    Hash sum;
} Group;

static void hash_value(const HashKey *key, Hash *hash, sqlite3_value *value, bool *whole) {
    int kind = sqlite.value_type(value);
    uint64_t word = 0;
    if (kind == SQLITE_INTEGER) word = (uint64_t)sqlite.value_int64(value);
    if (kind == SQLITE_FLOAT) {
        double real = sqlite.value_double(value);
        memcpy(&word, &real, sizeof word);
    }
    hash_words(key, hash, (uint64_t)kind, word);
    if (kind == SQLITE_TEXT || kind == SQLITE_BLOB) {
        const void *bytes = sqlite.value_blob(value);
        int size = sqlite.value_bytes(value);
        if (bytes == NULL && size > 0) *whole = false;
        hash_bytes(key, hash, bytes, bytes != NULL ? (size_t)size : 0);
    }
}

/* Rows that are hashed, each in every group. */
typedef struct {
    const HashKey *key;
    Group *groups;
    Py_ssize_t number;
    Py_ssize_t rows;
    bool whole; /* every value was there */
} Digest;

static bool digest_row(void *work, sqlite3_value **values) {
    Digest *digest = work;
    for (Py_ssize_t at = 0; at < digest->number; at++) {
        Group *group = &digest->groups[at];
        Hash hash = hash_begin(digest->key);
        for (Py_ssize_t place = 0; place < group->count; place++)
            hash_value(digest->key, &hash, values[group->columns[place]], &digest->whole);
        hash_add(&group->sum, hash_end(digest->key, hash));
    }
    digest->rows++;
    return digest->whole;
}

static void groups_free(Group *groups, Py_ssize_t number) {
    for (Py_ssize_t at = 0; groups != NULL && at < number; at++) free(groups[at].columns);
    free(groups);
}

static Group *groups_of(const Reader *self, PyObject *given) {
    Py_ssize_t number = PyTuple_Size(given);
    Group *groups = calloc((size_t)number + 1, sizeof *groups);
    if (groups == NULL) return (Group *)PyErr_NoMemory();
    for (Py_ssize_t at = 0; at < number; at++) {
        PyObject *places = PyTuple_GetItem(given, at);
        Py_ssize_t count = PyTuple_Check(places) ? PyTuple_Size(places) : -1;
        groups[at].columns = count >= 0 ? calloc((size_t)count + 1, sizeof(int)) : NULL;
        for (Py_ssize_t place = 0; groups[at].columns != NULL && place < count; place++) {
            long column = PyLong_AsLong(PyTuple_GetItem(places, place));
            if (column < 0 || column >= self->columns) count = -1;
            if (count >= 0) groups[at].columns[place] = (int)column;
        }
        groups[at].count = count;
        if (groups[at].columns == NULL || count < 0) {
            groups_free(groups, number);
            PyErr_SetString(PyExc_ValueError, "a group is a tuple of the statement's columns");
            return NULL;
        }
    }
    return groups;
}

static PyObject *sums_of(const Group *groups, Py_ssize_t number, Py_ssize_t rows) {
    PyObject *sums = PyList_New(number);
    for (Py_ssize_t at = 0; sums != NULL && at < number; at++) {
        Hash sum = groups[at].sum;
        PyObject *pair = Py_BuildValue("KK", (unsigned long long)sum.low, (unsigned long long)sum.high);
        if (pair == NULL || PyList_SetItem(sums, at, pair) < 0) Py_CLEAR(sums);
    }
    return sums != NULL ? Py_BuildValue("nN", rows, sums) : NULL;
}

PyObject *reader_digest(PyObject *object, PyObject *arguments) {
    Reader *self = (Reader *)object;
    const char *bytes;
    Py_ssize_t size;
    PyObject *given;
    if (!PyArg_ParseTuple(arguments, "y#O!", &bytes, &size, &PyTuple_Type, &given)) return NULL;
    HashKey key;
    if (size != sizeof key) {
        PyErr_Format(PyExc_ValueError, "the key has %zd bytes, and not %d", size, HASH_KEY_BYTES);
        return NULL;
    }
    memcpy(&key, bytes, sizeof key);
    if (!reader_can_step(self)) return NULL;
    Py_ssize_t number = PyTuple_Size(given);
    Group *groups = groups_of(self, given);
    if (groups == NULL) return NULL;
    Digest digest = {&key, groups, number, 0, true};
    int code;
    self->connection->busy = true;
    Py_BEGIN_ALLOW_THREADS
    code = reader_run(self, digest_row, &digest);
    Py_END_ALLOW_THREADS
    self->connection->busy = false;
    if (!digest.whole) code = SQLITE_NOMEM;
    PyObject *result = NULL;
    if (code == SQLITE_DONE) {
        result = sums_of(groups, number, digest.rows);
    } else {
        connection_fail(self->connection->database, code);
    }
    groups_free(groups, number);
    reader_close(self);
    return result;
}
