/* api: what the files of the public door (include/weightproof.h) share. */
#ifndef WEIGHTPROOF_PROOFS_API_H
#define WEIGHTPROOF_PROOFS_API_H
#include "include/weightproof.h"
#include "models/model.h"

/* All messages as one text, malloc'd; NULL without memory. */
char *api_messages(const struct diag *d, enum status s);
/* NAME=VALUE words as settings in one malloc'd block with their strings; *out is NULL for none. */
enum status api_settings(struct setting **out, struct weightproof_words words, const char *what, struct diag *d) MUST_USE;
#endif
