#include "verify/separable.h"

enum status problem_float32(struct problem *p, struct text *why)
{
    (void)p;
    text_add(why, "float32 is decided by enumeration only");
    return STATUS_UNSUPPORTED;
}
