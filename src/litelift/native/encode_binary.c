/* Fields of COPY's binary format, without their lengths.
 *
 * Each is what the type's receive function takes (src/backend/utils/adt: int.c, float.c, numeric.c, varlena.c, date.c,
 * timestamp.c, uuid.c, json.c, jsonb.c, enum.c).
 */
#include "read.h"
#include "sqlite_api.h"

/* 2000-01-01, PostgreSQL's day 0, in days since 1970. */
enum { POSTGRES_EPOCH = 10957, JSONB_VERSION = 1 };

#define PARAMETERS const Codec *codec, const Cell *cell, const char *bytes, Buffer *out, Forms *forms
#define UNUSED (void)codec, (void)bytes, (void)forms

static Verdict encode_bool(PARAMETERS) {
    UNUSED;
    bool value;
    if (!read_bool(cell, bytes, &value)) return DEFER;
    if (!buffer_reserve(out, 1)) return NO_MEMORY;
    put_byte(out, value);
    return PLAIN;
}

static Verdict encode_integer(PARAMETERS) {
    UNUSED;
    int64_t value;
    if (!read_integer(codec, cell, bytes, &value)) return DEFER;
    if (!buffer_reserve(out, 8)) return NO_MEMORY;
    if (codec->first == 2) {
        put_u16(out, (uint16_t)value);
    } else if (codec->first == 4) {
        put_u32(out, (uint32_t)value);
    } else {
        put_u64(out, (uint64_t)value);
    }
    return PLAIN;
}

static Verdict encode_real(PARAMETERS) {
    UNUSED;
    double value;
    if (!read_real(codec, cell, &value)) return DEFER;
    if (!buffer_reserve(out, 8)) return NO_MEMORY;
    if (codec->kind == FLOAT4) {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        put_u32(out, bits);
    } else {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        put_u64(out, bits);
    }
    return PLAIN;
}

static Verdict encode_numeric(PARAMETERS) {
    UNUSED;
    Decimal decimal;
    if (!read_decimal(codec, cell, &decimal)) return DEFER;
    if (!buffer_reserve(out, POINT_BYTES)) return NO_MEMORY;
    decimal_put_binary(&decimal, out);
    return PLAIN;
}

static Verdict encode_words(PARAMETERS) {
    UNUSED;
    Words words;
    if (!read_words(codec, cell, bytes, &words)) return DEFER;
    if (!buffer_reserve(out, words.size + 1)) return NO_MEMORY;
    if (codec->kind == JSONB) put_byte(out, JSONB_VERSION);
    put_bytes(out, words.at, words.size);
    return PLAIN;
}

static Verdict encode_bytea(PARAMETERS) {
    UNUSED;
    if (cell->kind != SQLITE_BLOB && cell->kind != SQLITE_TEXT) return DEFER;
    if (!buffer_reserve(out, cell->size)) return NO_MEMORY;
    put_bytes(out, bytes, cell->size);
    return PLAIN;
}

static Verdict encode_date(PARAMETERS) {
    UNUSED;
    int64_t days;
    if (!read_date(cell, bytes, &days)) return DEFER;
    if (!buffer_reserve(out, 4)) return NO_MEMORY;
    put_u32(out, (uint32_t)(days - POSTGRES_EPOCH));
    forms->naive++;
    return PLAIN;
}

static Verdict encode_stamp(PARAMETERS) {
    Moment moment;
    if (!read_stamp(codec, cell, bytes, &moment)) return DEFER;
    if (!buffer_reserve(out, 8)) return NO_MEMORY;
    put_u64(out, (uint64_t)((moment.days - POSTGRES_EPOCH) * DAY + moment.time));
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
    if (!buffer_reserve(out, 8)) return NO_MEMORY;
    put_u64(out, (uint64_t)time);
    return PLAIN;
}

static Verdict encode_uuid(PARAMETERS) {
    UNUSED;
    unsigned char uuid[16];
    if (!read_uuid(cell, bytes, uuid)) return DEFER;
    if (!buffer_reserve(out, sizeof uuid)) return NO_MEMORY;
    put_bytes(out, (const char *)uuid, sizeof uuid);
    return PLAIN;
}

const Encode encode_binary[KINDS] = {
    [BOOL] = encode_bool,       [INTEGER] = encode_integer,   [FLOAT8] = encode_real,       [FLOAT4] = encode_real,
    [NUMERIC] = encode_numeric, [TEXT] = encode_words,        [BYTEA] = encode_bytea,       [DATE] = encode_date,
    [TIMESTAMP] = encode_stamp, [TIMESTAMPTZ] = encode_stamp, [TIME] = encode_time,         [UUID] = encode_uuid,
    [JSON] = encode_words,      [JSONB] = encode_words,       [ENUM] = encode_words,
};
