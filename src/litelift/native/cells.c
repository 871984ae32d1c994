/* Texts, bytes, flags and numbers as fields. */
#include "cells.h"

#include <math.h>

#include "sqlite_api.h"

static const char hex[] = "0123456789abcdef";
static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

void put_whole(int64_t value, Buffer *out) {
    char digits[WHOLE_BYTES];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    for (; rest >= 100; rest /= 100) memcpy(digits + (at -= 2), pairs + 2 * (rest % 100), 2);
    if (rest >= 10) {
        memcpy(digits + (at -= 2), pairs + 2 * rest, 2);
    } else {
        digits[--at] = (char)('0' + rest);
    }
    if (value < 0) put_byte(out, '-');
    put_bytes(out, digits + at, sizeof digits - at);
}

void put_bits(double value, Buffer *out) {
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    if (!isnan(value)) memcpy(&bits, &value, sizeof bits);
    for (int shift = 60; shift >= 0; shift -= 4) put_byte(out, hex[bits >> shift & 15]);
}

/* Whether eight bytes are all printable ASCII without a backslash. */
static bool are_plain(uint64_t word) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t slashes = word ^ ones * '\\';
    return ((word | (word - ones * 0x20) | (slashes - ones)) & tops) == 0;
}

static bool is_plain_text(const char *text, size_t size) {
    uint64_t word = 0;
    if (size < sizeof word) {
        for (size_t at = 0; at < size; at++) {
            unsigned char byte = (unsigned char)text[at];
            if (byte < 0x20 || byte >= 0x80 || byte == '\\') return false;
        }
        return true;
    }
    for (size_t at = 0; at + sizeof word <= size; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if (!are_plain(word)) return false;
    }
    memcpy(&word, text + size - sizeof word, sizeof word);
    return are_plain(word);
}

static bool continues(const unsigned char *text, size_t left, size_t more) {
    if (left <= more) return false;
    for (size_t at = 1; at <= more; at++)
        if ((text[at] & 0xc0) != 0x80) return false;
    return true;
}

/* The bytes of the character at `text`, of which `left` are there; 0 where it is no character in UTF-8 (RFC 3629). */
static size_t character(const unsigned char *text, size_t left) {
    unsigned char lead = text[0], next = left > 1 ? text[1] : 0;
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return continues(text, left, 1) ? 2 : 0;
    if (lead < 0xf0) {
        if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f)) return 0;
        return continues(text, left, 2) ? 3 : 0;
    }
    if (lead > 0xf4 || (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next > 0x8f)) return 0;
    return continues(text, left, 3) ? 4 : 0;
}

/* COPY's letter for a byte that is not written as it is ("File Formats" of COPY); 0 for others. */
static char escaped(unsigned char byte) {
    switch (byte) {
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\v':
        return 'v';
    default:
        return 0;
    }
}

/* False where PostgreSQL cannot hold the text. */
static bool put_text(const char *text, size_t size, Buffer *out) {
    if (is_plain_text(text, size)) {
        put_bytes(out, text, size);
        return true;
    }
    for (size_t at = 0; at < size;) {
        size_t length = character((const unsigned char *)text + at, size - at);
        if (length == 0 || text[at] == '\0') return false;
        char letter = length == 1 ? escaped((unsigned char)text[at]) : 0;
        if (letter != 0) {
            put_byte(out, '\\');
            put_byte(out, letter);
        } else {
            put_bytes(out, text + at, length);
        }
        at += length;
    }
    return true;
}

static bool is_bytes(const Cell *cell) { return cell->kind == SQLITE_TEXT || cell->kind == SQLITE_BLOB; }

static bool cell_text(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    if (cell->kind == SQLITE_INTEGER) {
        put_whole(cell->value.integer, out);
        return true;
    }
    if (!is_bytes(cell)) return false;
    size_t size = cell->size;
    if (column->reading == READ_BPCHAR)
        while (size > 0 && bytes[size - 1] == ' ') size--;
    return put_text(bytes, size, out);
}

static void put_hex(const char *bytes, size_t size, Buffer *out) {
    for (size_t at = 0; at < size; at++) {
        unsigned char byte = (unsigned char)bytes[at];
        put_byte(out, hex[byte >> 4]);
        put_byte(out, hex[byte & 15]);
    }
}

static bool cell_bytea(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)column;
    if (!is_bytes(cell)) return false;
    put_bytes(out, "\\\\x", 3);
    put_hex(bytes, cell->size, out);
    return true;
}

static bool cell_bool(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)column;
    bool value;
    if (cell->kind == SQLITE_INTEGER) {
        value = cell->value.integer != 0;
    } else if (cell->kind == SQLITE_FLOAT) {
        value = cell->value.real != 0;
    } else if (cell->size == 1 && strchr("tTfF10", bytes[0]) != NULL && bytes[0] != '\0') {
        value = strchr("tT1", bytes[0]) != NULL;
    } else if (cell->size == 4 && memcmp(bytes, "true", 4) == 0) {
        value = true;
    } else if (cell->size == 5 && memcmp(bytes, "false", 5) == 0) {
        value = false;
    } else {
        return false;
    }
    put_byte(out, value ? 't' : 'f');
    return true;
}

static bool cell_integer(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)column;
    (void)bytes;
    if (cell->kind == SQLITE_INTEGER) {
        put_whole(cell->value.integer, out);
        return true;
    }
    double real = cell->value.real;
    if (cell->kind != SQLITE_FLOAT || !(fabs(real) < 0x1p63) || real != floor(real)) return false;
    put_whole((int64_t)real, out);
    return true;
}

static bool cell_double(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)bytes;
    if (cell->kind != SQLITE_INTEGER && cell->kind != SQLITE_FLOAT) return false;
    double value = cell->kind == SQLITE_INTEGER ? (double)cell->value.integer : cell->value.real;
    if (column->reading == READ_SINGLE) {
        float narrow = (float)value;
        if (isinf(narrow) && !isinf(value)) return false;
        value = narrow;
    }
    put_bits(value, out);
    return true;
}

static bool cell_uuid(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)column;
    char digits[32];
    if (cell->kind == SQLITE_BLOB && cell->size == 16) {
        Buffer found = {digits, 0, sizeof digits};
        put_hex(bytes, 16, &found);
    } else if (is_bytes(cell) && (cell->size == 36 || cell->size == 32)) {
        size_t count = 0;
        for (size_t at = 0; at < cell->size; at++) {
            char byte = bytes[at];
            if (cell->size == 36 && (at == 8 || at == 13 || at == 18 || at == 23)) {
                if (byte != '-') return false;
            } else if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f')) {
                digits[count++] = byte;
            } else if (byte >= 'A' && byte <= 'F') {
                digits[count++] = (char)(byte - 'A' + 'a');
            } else {
                return false;
            }
        }
    } else {
        return false;
    }
    for (size_t at = 0; at < sizeof digits; at++) {
        if (at == 8 || at == 12 || at == 16 || at == 20) put_byte(out, '-');
        put_byte(out, digits[at]);
    }
    return true;
}

static bool cell_python(const Column *column, const Cell *cell, const char *bytes, Buffer *out) {
    (void)column;
    (void)cell;
    (void)bytes;
    (void)out;
    return false;
}

const ReadCell read_cell[READINGS] = {
    [READ_PYTHON] = cell_python,       [READ_TEXT] = cell_text,
    [READ_BPCHAR] = cell_text,         [READ_BYTEA] = cell_bytea,
    [READ_BOOL] = cell_bool,           [READ_INTEGER] = cell_integer,
    [READ_DOUBLE] = cell_double,       [READ_SINGLE] = cell_double,
    [READ_NUMERIC] = cell_numeric,     [READ_DATE] = cell_date,
    [READ_TIMESTAMP] = cell_timestamp, [READ_TIMESTAMPTZ] = cell_timestamp,
    [READ_TIME] = cell_time,           [READ_UUID] = cell_uuid,
};
