#include "json.h"

#include <string.h>

enum {
    DEEPEST = 64,
    KEYS = 48,        /* of one object, whose keys are compared in pairs */
    NUMBER_BYTES = 999,
    EXPONENT_DIGITS = 4
};

typedef struct {
    const char *at;
    const char *end;
    bool binary;
} Text;

static bool value(Text *text, int depth);

static void skip_space(Text *text) {
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n' || *text->at == '\t' || *text->at == '\r'))
        text->at++;
}

static bool next_is(Text *text, char byte) {
    if (text->at >= text->end || *text->at != byte) return false;
    text->at++;
    return true;
}

static bool word(Text *text, const char *expected) {
    size_t size = strlen(expected);
    if ((size_t)(text->end - text->at) < size || memcmp(text->at, expected, size) != 0) return false;
    text->at += size;
    return true;
}

static int hexadecimal(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

/* Four hexadecimal digits; -1 where they are not there. */
static int unit(Text *text) {
    if (text->end - text->at < 4) return -1;
    int code = 0;
    for (int digit = 0; digit < 4; digit++) {
        int part = hexadecimal(*text->at++);
        if (part < 0) return -1;
        code = code * 16 + part;
    }
    return code;
}

static bool is_high(int code) { return code >= 0xD800 && code <= 0xDBFF; }
static bool is_low(int code) { return code >= 0xDC00 && code <= 0xDFFF; }

/* What follows the backslash. U+0000 and half a surrogate pair are another's business. */
static bool escape(Text *text) {
    if (text->at >= text->end) return false;
    char byte = *text->at++;
    if (byte != 'u') return byte != '\0' && strchr("\"\\/bfnrt", byte) != NULL;
    int code = unit(text);
    if (!is_high(code)) return code > 0 && !is_low(code);
    return word(text, "\\u") && is_low(unit(text));
}

/* After the opening quote, up to and with the closing one. `escaped`: it has a backslash. */
static bool string(Text *text, bool *escaped) {
    *escaped = false;
    while (text->at < text->end) {
        unsigned char byte = (unsigned char)*text->at++;
        if (byte == '"') return true;
        if (byte < 0x20) return false;
        if (byte == '\\') {
            *escaped = true;
            if (!escape(text)) return false;
        }
    }
    return false;
}

static size_t digits(Text *text) {
    const char *start = text->at;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9') text->at++;
    return (size_t)(text->at - start);
}

static bool number(Text *text) {
    const char *start = text->at;
    next_is(text, '-');
    const char *whole = text->at;
    size_t count = digits(text);
    if (count == 0 || (count > 1 && *whole == '0')) return false;
    if (next_is(text, '.') && digits(text) == 0) return false;
    if (next_is(text, 'e') || next_is(text, 'E')) {
        if (!next_is(text, '+')) next_is(text, '-');
        count = digits(text);
        if (count == 0 || count > EXPONENT_DIGITS) return false;
    }
    return text->at - start <= NUMBER_BYTES;
}

typedef struct {
    const char *at;
    size_t size;
    bool escaped;
} Key;

/* The next UTF-16 code unit or, of a character that is not escaped, byte, of a key that is good. */
static int next_unit(Text *key, bool *byte) {
    static const char escapes[] = "b\bf\fn\nr\rt\t";
    *byte = *key->at != '\\';
    if (*byte) return (unsigned char)*key->at++;
    char letter = key->at[1];
    key->at += 2;
    if (letter == 'u') return unit(key);
    const char *found = strchr(escapes, letter);
    return found != NULL && (found - escapes) % 2 == 0 ? found[1] : letter;
}

/* Whether two keys may be equal: an escaped character that is not ASCII may be any other that is not. */
static bool may_be_equal(const Key *one, const Key *other) {
    if (!one->escaped && !other->escaped) return one->size == other->size && memcmp(one->at, other->at, one->size) == 0;
    Text left = {one->at, one->at + one->size, true}, right = {other->at, other->at + other->size, true};
    while (left.at < left.end && right.at < right.end) {
        bool left_byte, right_byte;
        int a = next_unit(&left, &left_byte), b = next_unit(&right, &right_byte);
        if (left_byte != right_byte && a >= 0x80 && b >= 0x80) return true;
        if (a != b) return false;
    }
    return left.at == left.end && right.at == right.end;
}

static bool array(Text *text, int depth) {
    skip_space(text);
    if (next_is(text, ']')) return true;
    do {
        if (!value(text, depth)) return false;
    } while (next_is(text, ','));
    return next_is(text, ']');
}

static bool object(Text *text, int depth) {
    Key keys[KEYS];
    int count = 0;
    skip_space(text);
    if (next_is(text, '}')) return true;
    do {
        skip_space(text);
        bool escaped;
        const char *start = text->at + 1;
        if (!next_is(text, '"') || !string(text, &escaped)) return false;
        if (text->binary) {
            if (count == KEYS) return false;
            keys[count] = (Key){start, (size_t)(text->at - 1 - start), escaped};
            for (int other = 0; other < count; other++)
                if (may_be_equal(&keys[other], &keys[count])) return false;
            count++;
        }
        skip_space(text);
        if (!next_is(text, ':') || !value(text, depth)) return false;
    } while (next_is(text, ','));
    return next_is(text, '}');
}

/* One value and the space around it. */
static bool value(Text *text, int depth) {
    skip_space(text);
    if (text->at >= text->end) return false;
    bool good, escaped;
    switch (*text->at) {
    case '{':
        text->at++;
        good = depth < DEEPEST && object(text, depth + 1);
        break;
    case '[':
        text->at++;
        good = depth < DEEPEST && array(text, depth + 1);
        break;
    case '"':
        text->at++;
        good = string(text, &escaped);
        break;
    case 't':
        good = word(text, "true");
        break;
    case 'f':
        good = word(text, "false");
        break;
    case 'n':
        good = word(text, "null");
        break;
    default:
        good = number(text);
    }
    skip_space(text);
    return good;
}

bool json_is_plain(const char *bytes, size_t size, bool binary) {
    Text text = {bytes, bytes + size, binary};
    return value(&text, 0) && text.at == text.end;
}
