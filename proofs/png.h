/* png: an RGB picture as a data URI (zlib compresses). */
#ifndef WEIGHTPROOF_PROOFS_PNG_H
#define WEIGHTPROOF_PROOFS_PNG_H
#include <stdint.h>
#include "core/text.h"
/* rgb: [height, width, 3]. Without memory the text's failed flag is set. */
void png_add(struct text *out, const uint8_t *rgb, size_t width, size_t height);
#endif
