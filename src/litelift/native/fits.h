/* Whether stored values fit a column of a codec's kind. */
#ifndef LITELIFT_FITS_H
#define LITELIFT_FITS_H

#include "codec.h"

/* Whether a value that is not NULL surely fits; its form is counted then. False means that Python's codec decides. */
bool codec_fits(const Codec *codec, const Cell *cell, const char *bytes, Forms *forms);

#endif
