#include "utf8.h"

#include <stdint.h>
#include <string.h>

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* The length of the character that begins at `at`, of which `left` bytes are left; 0 where it is none. */
static size_t sequence(const unsigned char *at, size_t left) {
    unsigned char first = at[0];
    if (first < 0xC2 || first > 0xF4) return 0;
    size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (left < length) return 0;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t more = 2; more < length; more++)
        if ((at[more] & 0xC0) != 0x80) return 0;
    return length;
}

/* Whether one of the eight bytes is zero, or not ASCII. */
static bool is_special(const char *text) {
    uint64_t word;
    memcpy(&word, text, 8);
    return ((((word - ONES) & ~word) | word) & HIGHS) != 0;
}

/* Whether all eight bytes and more are ASCII, and none is zero. */
static bool is_ascii(const char *text, size_t size) {
    for (size_t at = 0; at + 8 < size; at += 8)
        if (is_special(text + at)) return false;
    return !is_special(text + size - 8);
}

bool utf8_holdable(const char *text, size_t size, size_t *characters) {
    *characters = size;
    if (size >= 8 && is_ascii(text, size)) return true;
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    size_t continuations = 0;
    while (at < end) {
        while (end - at >= 8 && !is_special((const char *)at)) at += 8;
        size_t run = end - at < 8 ? (size_t)(end - at) : 8;
        for (const unsigned char *stop = at + run; at < stop;) {
            if (*at == 0) return false;
            if (*at < 0x80) {
                at++;
                continue;
            }
            size_t length = sequence(at, (size_t)(end - at));
            if (length == 0) return false;
            continuations += length - 1;
            at += length;
        }
    }
    *characters = size - continuations;
    return true;
}
