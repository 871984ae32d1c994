#include "forms.h"

#include "json.h"

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static bool is_hexadecimal(char byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* Whether the text is as the pattern says: 9 stands for a digit, all else for itself. */
static bool is_like(const char *text, const char *pattern) {
    for (; *pattern != '\0'; text++, pattern++)
        if (*pattern == '9' ? !is_digit(*text) : *text != *pattern) return false;
    return true;
}

static bool is_uuid(const char *text, size_t size) {
    if (size != 36) return false;
    for (int at = 0; at < 36; at++) {
        bool dash = at == 8 || at == 13 || at == 18 || at == 23;
        if (dash ? text[at] != '-' : !is_hexadecimal(text[at])) return false;
    }
    return true;
}

static bool is_moment(const char *text, size_t size) {
    const char *end = text + size;
    if (size < 10 || !is_like(text, "9999-99-99")) return false;
    if (size == 10) return true;
    text += 10;
    if (end - text < 6 || (*text != ' ' && *text != 'T') || !is_like(text + 1, "99:99")) return false;
    text += 6;
    if (end - text >= 3 && is_like(text, ":99")) {
        text += 3;
        if (end - text >= 2 && *text == '.' && is_digit(text[1]))
            for (text++; text < end && is_digit(*text);) text++;
    }
    if (end - text == 1) return *text == 'Z';
    if (end - text != 0 && *text != '+' && *text != '-') return false;
    return end == text || (end - text == 5 && is_like(text + 1, "9999")) ||
           (end - text == 6 && is_like(text + 1, "99:99"));
}

static bool is_json(const char *text, size_t size) {
    size_t at = 0;
    while (at < size && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r')) at++;
    return at < size && (text[at] == '{' || text[at] == '[') && json_is_plain(text, size, false);
}

static bool is_number(const char *text, size_t size) {
    const char *end = text + size;
    if (text < end && *text == '-') text++;
    if (text == end || !is_digit(*text)) return false;
    while (text < end && is_digit(*text)) text++;
    if (text == end) return true;
    if (*text != '.' || end - text < 2) return false;
    for (text++; text < end; text++)
        if (!is_digit(*text)) return false;
    return true;
}

bool has_form(int form, const char *text, size_t size) {
    switch (form) {
    case 0:
        return is_uuid(text, size);
    case 1:
        return is_moment(text, size);
    case 2:
        return is_json(text, size);
    default:
        return is_number(text, size);
    }
}
