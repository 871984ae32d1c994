#include "fits.h"

#include <float.h>
#include <math.h>

#include "read.h"
#include "sqlite_api.h"

/* As read_decimal(), but without the digits where a division tells as much. */
static bool fits_numeric(const Codec *codec, const Cell *cell) {
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    enum { POWERS = sizeof powers / sizeof *powers };
    bool real = cell->kind == SQLITE_FLOAT;
    if (!real && cell->kind != SQLITE_INTEGER) return false;
    if (real && !isfinite(cell->value.real)) return false;
    if (codec->first < 0) return true;
    int whole = codec->first - codec->second, scale = codec->second;
    if (FLT_EVAL_METHOD == 0 && real && whole < POWERS && scale < POWERS && fabs(cell->value.real) < powers[whole]) {
        /* Fifteen digits at most name one double alone, so no shorter or longer decimal is meant. */
        double units = fabs(cell->value.real) * powers[scale];
        if (units < 1e15 && (double)(int64_t)(units + 0.5) / powers[scale] == fabs(cell->value.real)) return true;
    }
    if (!real && whole < POWERS) {
        int64_t limit = (int64_t)powers[whole];
        return cell->value.integer < limit && cell->value.integer > -limit;
    }
    Decimal decimal;
    return read_decimal(codec, cell, &decimal);
}

/* Most dates have no time, and need not be read as what may have one. */
static bool is_day(const Cell *cell, const char *bytes, Forms *forms) {
    int64_t days;
    if (cell->kind != SQLITE_TEXT || cell->size != 10 || !read_day(bytes, &days)) return false;
    forms->naive++;
    return true;
}

static bool fits_stamp(const Codec *codec, const Cell *cell, const char *bytes, Forms *forms) {
    Moment moment;
    if (!read_stamp(codec, cell, bytes, &moment)) return false;
    if (moment.has_offset) {
        forms->offset++;
    } else {
        forms->naive++;
    }
    return true;
}

bool codec_fits(const Codec *codec, const Cell *cell, const char *bytes, Forms *forms) {
    bool truth;
    int64_t number;
    double real;
    unsigned char uuid[16];
    Words words;
    switch (codec->kind) {
    case BOOL:
        return read_bool(cell, bytes, &truth);
    case INTEGER:
        return read_integer(codec, cell, bytes, &number);
    case FLOAT8:
    case FLOAT4:
        return read_real(codec, cell, &real);
    case NUMERIC:
        return fits_numeric(codec, cell);
    case BYTEA:
        return cell->kind == SQLITE_BLOB || cell->kind == SQLITE_TEXT;
    case DATE:
        if (is_day(cell, bytes, forms)) return true;
        if (!read_date(cell, bytes, &number)) return false;
        forms->naive++;
        return true;
    case TIMESTAMP:
    case TIMESTAMPTZ:
        return is_day(cell, bytes, forms) || fits_stamp(codec, cell, bytes, forms);
    case TIME:
        return read_time_of_day(codec, cell, bytes, &number);
    case UUID:
        return read_uuid(cell, bytes, uuid);
    case TEXT:
    case JSON:
    case JSONB:
    case ENUM:
        return read_words(codec, cell, bytes, &words);
    default:
        return false;
    }
}
