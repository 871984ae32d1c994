#include "read.h"

#include <math.h>

#include "json.h"
#include "sqlite_api.h"
#include "utf8.h"

static const double TWO_63 = 9223372036854775808.0;

static bool is_text(const Cell *cell) { return cell->kind == SQLITE_TEXT; }

static bool is_word(const Cell *cell, const char *bytes, const char *word) {
    return cell->size == strlen(word) && memcmp(bytes, word, cell->size) == 0;
}

bool read_bool(const Cell *cell, const char *bytes, bool *value) {
    if (cell->kind == SQLITE_INTEGER) {
        *value = cell->value.integer == 1;
        return cell->value.integer == 0 || cell->value.integer == 1;
    }
    if (cell->kind == SQLITE_FLOAT) {
        *value = cell->value.real == 1.0;
        return cell->value.real == 0.0 || cell->value.real == 1.0;
    }
    if (!is_text(cell)) return false;
    *value = is_word(cell, bytes, "t") || is_word(cell, bytes, "true");
    return *value || is_word(cell, bytes, "f") || is_word(cell, bytes, "false");
}

/* 0, or digits that do not begin with 0. */
static bool parse_integer(const char *text, size_t size, int64_t *value) {
    bool negative = size > 0 && text[0] == '-';
    size_t at = negative;
    if (size - at < 1 || size - at > 19 || (text[at] == '0' && size > 1)) return false;
    uint64_t sum = 0;
    for (; at < size; at++) {
        if (text[at] < '0' || text[at] > '9') return false;
        sum = sum * 10 + (uint64_t)(text[at] - '0');
    }
    if (sum > (uint64_t)INT64_MAX + negative) return false;
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

bool read_integer(const Codec *codec, const Cell *cell, const char *bytes, int64_t *value) {
    if (cell->kind == SQLITE_INTEGER) {
        *value = cell->value.integer;
    } else if (cell->kind == SQLITE_FLOAT) {
        double real = cell->value.real;
        if (!(real >= -TWO_63 && real < TWO_63) || real != floor(real)) return false;
        *value = (int64_t)real;
    } else if (!is_text(cell) || !parse_integer(bytes, cell->size, value)) {
        return false;
    }
    if (codec->first == 8) return true;
    int64_t limit = INT64_C(1) << (codec->first * 8 - 1);
    return *value >= -limit && *value < limit;
}

bool read_real(const Codec *codec, const Cell *cell, double *value) {
    if (cell->kind == SQLITE_INTEGER) {
        *value = (double)cell->value.integer;
        /* The largest integers round to 2^63, which none of them is. */
        if (*value >= TWO_63 || (int64_t)*value != cell->value.integer) return false;
    } else if (cell->kind == SQLITE_FLOAT) {
        *value = cell->value.real;
    } else {
        return false;
    }
    if (!isfinite(*value)) return false;
    return codec->kind != FLOAT4 || (fabs(*value) <= 3.4028234663852886e38 && (double)(float)*value == *value);
}

/* Digits before the point, where there are no more than `most`. */
static bool within(const Decimal *decimal, int most) {
    return decimal->point <= most || (decimal->count == 1 && decimal->digits[0] == '0');
}

bool read_decimal(const Codec *codec, const Cell *cell, Decimal *decimal) {
    bool limited = codec->first >= 0;
    int whole = codec->first - codec->second, scale = codec->second;
    if (cell->kind == SQLITE_INTEGER) {
        decimal_integer(cell->value.integer, decimal);
        return !limited || within(decimal, whole);
    }
    if (cell->kind != SQLITE_FLOAT || !isfinite(cell->value.real)) return false;
    if (!decimal_shortest(cell->value.real, decimal)) return false;
    if (!limited) return true;
    if (decimal->count - decimal->point > scale && !(decimal->count == 1 && decimal->digits[0] == '0')) {
        if (!decimal_fifteen(cell->value.real, decimal) || decimal->decimals > scale) return false;
    }
    return within(decimal, whole);
}

bool read_words(const Codec *codec, const Cell *cell, const char *bytes, Words *words) {
    words->at = words->room;
    size_t characters;
    if (cell->kind == SQLITE_INTEGER) {
        characters = words->size = integer_text(cell->value.integer, words->room);
    } else if (cell->kind == SQLITE_FLOAT) {
        Decimal decimal;
        if (!isfinite(cell->value.real) || !decimal_shortest(cell->value.real, &decimal)) return false;
        characters = words->size = decimal_repr(&decimal, words->room);
    } else {
        words->at = bytes;
        words->size = cell->size;
        if (!utf8_holdable(bytes, cell->size, &characters)) return false;
    }
    switch (codec->kind) {
    case TEXT:
        return codec->first < 0 || characters <= (size_t)codec->first;
    case JSON:
    case JSONB:
        return json_is_plain(words->at, words->size, codec->kind == JSONB);
    case ENUM:
        return codec_has_label(codec, words->at, words->size);
    default:
        return false;
    }
}

bool read_date(const Cell *cell, const char *bytes, int64_t *days) {
    Moment moment;
    if (!is_text(cell) || !read_moment(bytes, cell->size, &moment)) return false;
    *days = moment.days;
    /* A date is that of whoever wrote it, whatever the offset. */
    return moment.time == 0 && moment.decimals == 0;
}

bool read_stamp(const Codec *codec, const Cell *cell, const char *bytes, Moment *moment) {
    if (!is_text(cell) || !read_moment(bytes, cell->size, moment)) return false;
    if (moment->decimals > codec->first) return false;
    moment->time -= moment->shift;
    if (moment->time < 0) {
        moment->time += DAY;
        moment->days--;
    } else if (moment->time >= DAY) {
        moment->time -= DAY;
        moment->days++;
    }
    return has_year(moment->days);
}

bool read_time_of_day(const Codec *codec, const Cell *cell, const char *bytes, int64_t *time) {
    size_t size = cell->size;
    Moment moment;
    if (!is_text(cell)) return false;
    if (size > 11 && bytes[4] == '-') {
        int64_t days;
        if (!read_day(bytes, &days) || (bytes[10] != ' ' && bytes[10] != 'T')) return false;
        bytes += 11;
        size -= 11;
    }
    if (!read_clock(bytes, size, &moment) || moment.decimals > codec->first) return false;
    *time = moment.time;
    return true;
}

static int hexadecimal(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

bool read_uuid(const Cell *cell, const char *bytes, unsigned char uuid[16]) {
    size_t size = cell->size;
    if (cell->kind == SQLITE_BLOB && size == 16) {
        memcpy(uuid, bytes, 16);
        return true;
    }
    if (!is_text(cell) && cell->kind != SQLITE_BLOB) return false;
    if ((size == 34 || size == 38) && bytes[0] == '{' && bytes[size - 1] == '}') {
        bytes++;
        size -= 2;
    }
    if (size != 32 && size != 36) return false;
    for (int at = 0; at < 16; at++) {
        if (size == 36 && (at == 4 || at == 6 || at == 8 || at == 10) && *bytes++ != '-') return false;
        int high = hexadecimal(bytes[0]), low = hexadecimal(bytes[1]);
        if (high < 0 || low < 0) return false;
        uuid[at] = (unsigned char)(high * 16 + low);
        bytes += 2;
    }
    return true;
}
