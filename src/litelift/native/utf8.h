#ifndef LITELIFT_UTF8_H
#define LITELIFT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether PostgreSQL's text can hold the bytes: strict UTF-8 without NUL (The Unicode Standard, table 3-7).
 * `characters` is how many they are. */
bool utf8_holdable(const char *text, size_t size, size_t *characters);

#endif
