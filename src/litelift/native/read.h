/* Reads stored values as a codec's kind. Each function is false where the value is not plain for it. */
#ifndef LITELIFT_READ_H
#define LITELIFT_READ_H

#include "codec.h"
#include "decimal.h"
#include "moments.h"

/* The text of a value: its bytes, or a number's digits in `room`. */
typedef struct {
    const char *at;
    size_t size;
    char room[REPR_BYTES];
} Words;

bool read_bool(const Cell *cell, const char *bytes, bool *value);
bool read_integer(const Codec *codec, const Cell *cell, const char *bytes, int64_t *value);
bool read_real(const Codec *codec, const Cell *cell, double *value);
bool read_decimal(const Codec *codec, const Cell *cell, Decimal *decimal);
bool read_words(const Codec *codec, const Cell *cell, const char *bytes, Words *words);
bool read_date(const Cell *cell, const char *bytes, int64_t *days);
/* Counts its form; days and time are UTC's where it has an offset. */
bool read_stamp(const Codec *codec, const Cell *cell, const char *bytes, Moment *moment);
bool read_time_of_day(const Codec *codec, const Cell *cell, const char *bytes, int64_t *time);
bool read_uuid(const Cell *cell, const char *bytes, unsigned char uuid[16]);

#endif
