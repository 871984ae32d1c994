#include "distinct.h"

#include "sqlite_api.h"

#define FACTOR UINT64_C(0x9E3779B97F4A7C15)

static uint32_t mix(uint64_t sum) { return (uint32_t)((sum * FACTOR) >> 40); }

/* What tells short texts of one size apart: at most eight bytes, some of them twice. */
static uint64_t short_word(const char *text, size_t size) {
    uint64_t word = 0;
    if (size == 8) {
        memcpy(&word, text, 8);
    } else if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, text, 4);
        memcpy(&last, text + size - 4, 4);
        word = (uint64_t)first << 32 | last;
    } else if (size >= 2) {
        uint16_t first, last;
        memcpy(&first, text, 2);
        memcpy(&last, text + size - 2, 2);
        word = (uint64_t)first << 32 | last;
    } else if (size == 1) {
        word = (unsigned char)*text;
    }
    return word;
}

/* Texts of at most eight bytes have one of their own; longer ones have a hash. */
static uint64_t text_word(const char *text, size_t size) {
    if (size <= 8) return short_word(text, size);
    uint64_t sum = short_word(text + size - 8, 8), word;
    for (size_t at = 0; at + 8 < size; at += 8) {
        memcpy(&word, text + at, 8);
        sum = (sum ^ word) * FACTOR;
        sum ^= sum >> 29;
    }
    return sum;
}

static bool is_same(const Distinct *self, const Known *known, uint64_t word, bool integer, const Cell *cell,
                    const char *bytes) {
    if (known->word != word || known->integer != integer || known->size != cell->size) return false;
    return cell->size <= 8 || memcmp(self->texts.data + known->at, bytes, cell->size) == 0;
}

bool distinct_add(Distinct *self, int most, const Cell *cell, const char *bytes) {
    bool integer = cell->kind == SQLITE_INTEGER;
    uint64_t word = integer ? (uint64_t)cell->value.integer : text_word(bytes, cell->size);
    uint32_t slot = mix(word + cell->size);
    for (;; slot++) {
        int number = self->slots[slot % DISTINCT_SLOTS];
        if (number == 0) break;
        Known *known = &self->known[number - 1];
        if (!is_same(self, known, word, integer, cell, bytes)) continue;
        known->count++;
        return true;
    }
    if (self->count == most || self->count == DISTINCT_MOST) return false;
    /* One byte more, so that there is an address where all texts are empty. */
    if (!buffer_reserve(&self->texts, (size_t)cell->size + 1)) return false;
    Known *known = &self->known[self->count++];
    self->slots[slot % DISTINCT_SLOTS] = (uint8_t)self->count;
    *known = (Known){integer, word, self->texts.size, cell->size, 1};
    put_bytes(&self->texts, bytes, cell->size);
    return true;
}

void distinct_clear(Distinct *self) {
    self->count = 0;
    memset(self->slots, 0, sizeof self->slots);
    buffer_clear(&self->texts);
}
