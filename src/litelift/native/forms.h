/* The forms of text that the census looks for (sqlite/forms.py). */
#ifndef LITELIFT_FORMS_H
#define LITELIFT_FORMS_H

#include <stdbool.h>
#include <stddef.h>

enum { FORMS = 4 }; /* a UUID, a date and time, JSON, a number */

/* Whether text that PostgreSQL can hold surely has the form. False means only that another must look. */
bool has_form(int form, const char *text, size_t size);

#endif
