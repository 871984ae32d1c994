/* Fields of COPY's text format (PostgreSQL manual, COPY, "Text Format"). */
#include "read.h"
#include "sqlite_api.h"

static const char hexadecimal[] = "0123456789abcdef";

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Whether one of the eight bytes is `byte`. */
static bool has_byte(uint64_t word, unsigned char byte) {
    uint64_t zeros = word ^ (ONES * byte);
    return ((zeros - ONES) & ~zeros & HIGHS) != 0;
}

static bool put_escaped(Buffer *out, const char *text, size_t size) {
    if (!buffer_reserve(out, 2 * size)) return false;
    size_t at = 0;
    while (at < size) {
        while (size - at >= 8) {
            uint64_t word;
            memcpy(&word, text + at, 8);
            if (has_byte(word, '\\') || has_byte(word, '\n') || has_byte(word, '\t') || has_byte(word, '\r')) break;
            memcpy(out->data + out->size, text + at, 8);
            out->size += 8;
            at += 8;
        }
        size_t stop = size - at < 8 ? size : at + 8;
        for (; at < stop; at++) {
            switch (text[at]) {
            case '\\':
                put_bytes(out, "\\\\", 2);
                break;
            case '\n':
                put_bytes(out, "\\n", 2);
                break;
            case '\t':
                put_bytes(out, "\\t", 2);
                break;
            case '\r':
                put_bytes(out, "\\r", 2);
                break;
            default:
                put_byte(out, text[at]);
            }
        }
    }
    return true;
}

#define PARAMETERS const Codec *codec, const Cell *cell, const char *bytes, Buffer *out, Forms *forms
#define UNUSED (void)codec, (void)bytes, (void)forms

static Verdict encode_bool(PARAMETERS) {
    UNUSED;
    bool value;
    if (!read_bool(cell, bytes, &value)) return DEFER;
    if (!buffer_reserve(out, 1)) return NO_MEMORY;
    put_byte(out, value ? 't' : 'f');
    return PLAIN;
}

static Verdict encode_integer(PARAMETERS) {
    UNUSED;
    int64_t value;
    if (!read_integer(codec, cell, bytes, &value)) return DEFER;
    if (!buffer_reserve(out, INTEGER_BYTES)) return NO_MEMORY;
    out->size += integer_text(value, out->data + out->size);
    return PLAIN;
}

static Verdict encode_real(PARAMETERS) {
    UNUSED;
    double value;
    Decimal decimal;
    if (!read_real(codec, cell, &value) || !decimal_shortest(value, &decimal)) return DEFER;
    if (!buffer_reserve(out, REPR_BYTES)) return NO_MEMORY;
    out->size += decimal_repr(&decimal, out->data + out->size);
    return PLAIN;
}

static Verdict encode_numeric(PARAMETERS) {
    UNUSED;
    Decimal decimal;
    if (!read_decimal(codec, cell, &decimal)) return DEFER;
    if (!buffer_reserve(out, POINT_BYTES)) return NO_MEMORY;
    decimal_put_text(&decimal, out);
    return PLAIN;
}

static Verdict encode_words(PARAMETERS) {
    UNUSED;
    Words words;
    if (!read_words(codec, cell, bytes, &words)) return DEFER;
    return put_escaped(out, words.at, words.size) ? PLAIN : NO_MEMORY;
}

static Verdict encode_bytea(PARAMETERS) {
    UNUSED;
    if (cell->kind != SQLITE_BLOB && cell->kind != SQLITE_TEXT) return DEFER;
    if (!buffer_reserve(out, 3 + 2 * (size_t)cell->size)) return NO_MEMORY;
    put_bytes(out, "\\\\x", 3);
    char *to = out->data + out->size;
    for (size_t at = 0; at < cell->size; at++) {
        *to++ = hexadecimal[(unsigned char)bytes[at] >> 4];
        *to++ = hexadecimal[bytes[at] & 15];
    }
    out->size += 2 * (size_t)cell->size;
    return PLAIN;
}

static Verdict encode_date(PARAMETERS) {
    UNUSED;
    int64_t days;
    if (!read_date(cell, bytes, &days)) return DEFER;
    if (!buffer_reserve(out, STAMP_BYTES)) return NO_MEMORY;
    out->size += day_text(days, out->data + out->size);
    forms->naive++;
    return PLAIN;
}

static Verdict encode_stamp(PARAMETERS) {
    Moment moment;
    if (!read_stamp(codec, cell, bytes, &moment)) return DEFER;
    if (!buffer_reserve(out, STAMP_BYTES)) return NO_MEMORY;
    if (moment.plain && codec->first == 6) {
        put_bytes(out, bytes, cell->size);
    } else {
        out->size += day_text(moment.days, out->data + out->size);
        put_byte(out, ' ');
        out->size += clock_text(moment.time, out->data + out->size);
    }
    if (codec->kind == TIMESTAMPTZ) put_bytes(out, "+00", 3);
    if (moment.has_offset) {
        forms->offset++;
    } else {
        forms->naive++;
    }
    return PLAIN;
}

static Verdict encode_time(PARAMETERS) {
    UNUSED;
    int64_t time;
    if (!read_time_of_day(codec, cell, bytes, &time)) return DEFER;
    if (!buffer_reserve(out, STAMP_BYTES)) return NO_MEMORY;
    out->size += clock_text(time, out->data + out->size);
    return PLAIN;
}

static Verdict encode_uuid(PARAMETERS) {
    UNUSED;
    unsigned char uuid[16];
    if (!read_uuid(cell, bytes, uuid)) return DEFER;
    if (!buffer_reserve(out, 36)) return NO_MEMORY;
    for (int at = 0; at < 16; at++) {
        if (at == 4 || at == 6 || at == 8 || at == 10) put_byte(out, '-');
        put_byte(out, hexadecimal[uuid[at] >> 4]);
        put_byte(out, hexadecimal[uuid[at] & 15]);
    }
    return PLAIN;
}

const Encode encode_text[KINDS] = {
    [BOOL] = encode_bool,       [INTEGER] = encode_integer,   [FLOAT8] = encode_real,       [FLOAT4] = encode_real,
    [NUMERIC] = encode_numeric, [TEXT] = encode_words,        [BYTEA] = encode_bytea,       [DATE] = encode_date,
    [TIMESTAMP] = encode_stamp, [TIMESTAMPTZ] = encode_stamp, [TIME] = encode_time,         [UUID] = encode_uuid,
    [JSON] = encode_words,      [JSONB] = encode_words,       [ENUM] = encode_words,
};
