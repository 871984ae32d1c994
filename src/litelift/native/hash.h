/* A keyed hash of 128 bits: two lanes that multiply 64 by 64 bits and fold the product, each with keys of its own.
 *
 * It tells accidents apart, not the work of somebody who knows the key; the key is drawn anew for each comparison. */
#ifndef LITELIFT_HASH_H
#define LITELIFT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HASH_KEY_BYTES = 48 };

typedef struct {
    uint64_t word[HASH_KEY_BYTES / 8];
} HashKey;

typedef struct {
    uint64_t low;
    uint64_t high;
} Hash;

static inline uint64_t hash_fold(uint64_t first, uint64_t second) {
#ifdef __SIZEOF_INT128__
    unsigned __int128 product = (unsigned __int128)first * second;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t a = first >> 32, b = (uint32_t)first, c = second >> 32, d = (uint32_t)second;
    uint64_t middle = a * d + (b * d >> 32);
    uint64_t other = b * c + (uint32_t)middle;
    uint64_t low = (other << 32) | (uint32_t)(b * d);
    return low ^ (a * c + (middle >> 32) + (other >> 32));
#endif
}

static inline Hash hash_begin(const HashKey *key) { return (Hash){key->word[4], key->word[5]}; }

/* Take in two words. */
static inline void hash_words(const HashKey *key, Hash *hash, uint64_t first, uint64_t second) {
    hash->low = hash_fold(hash->low ^ key->word[0] ^ first, key->word[1] ^ second);
    hash->high = hash_fold(hash->high ^ key->word[2] ^ second, key->word[3] ^ first);
}

/* Take in bytes, and how many they are. */
static inline void hash_bytes(const HashKey *key, Hash *hash, const char *bytes, size_t size) {
    uint64_t words[2];
    size_t left = size;
    for (; left >= sizeof words; left -= sizeof words, bytes += sizeof words) {
        memcpy(words, bytes, sizeof words);
        hash_words(key, hash, words[0], words[1]);
    }
    words[0] = words[1] = 0;
    if (left > 0) memcpy(words, bytes, left);
    hash_words(key, hash, words[0], words[1]);
    hash_words(key, hash, size, size);
}

/* The last step, after which every bit of what was taken in has told on every bit. */
static inline Hash hash_end(const HashKey *key, Hash hash) {
    uint64_t low = hash.low, high = hash.high;
    hash_words(key, &hash, high, low);
    hash_words(key, &hash, low, high);
    return hash;
}

/* The sum of two, by 2 to the power of 128. */
static inline void hash_add(Hash *sum, Hash more) {
    sum->low += more.low;
    sum->high += more.high + (sum->low < more.low);
}

#endif
