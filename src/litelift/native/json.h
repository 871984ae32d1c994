#ifndef LITELIFT_JSON_H
#define LITELIFT_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Whether UTF-8 text is surely JSON (RFC 8259) that json, or with `binary` jsonb, holds unchanged. False means only
 * that another must look: for deep nesting, escapes that name no character, keys that may be equal, huge numbers. */
bool json_is_plain(const char *text, size_t size, bool binary);

#endif
