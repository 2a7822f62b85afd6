/* integers: functions of integers that the machine holds. */
#ifndef CHECK_INTEGERS_H
#define CHECK_INTEGERS_H
#include <stdint.h>

static inline int64_t size_of(int64_t v) { return v < 0 ? -v : v; }       /* |v| */
int bits_of(uint64_t v);                                                   /* the least b with v < 2^b */
int bits_of_wide(unsigned __int128 v);
uint64_t root_down(unsigned __int128 v);                                   /* floor of the square root, v < 2^126 */
uint64_t share_at60(unsigned __int128 x, unsigned __int128 all);           /* x / all at 2^-60, within 6; x <= all */
int rising(const void *a, const void *b);                                  /* for qsort: two int64_t */
#endif
