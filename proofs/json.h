/* json: one run of verify as one object (docs/json.md). */
#ifndef WEIGHTPROOF_PROOFS_JSON_H
#define WEIGHTPROOF_PROOFS_JSON_H
#include "proofs/result.h"
enum status json_write(struct text *out, const struct run_record *r) MUST_USE;
#endif
