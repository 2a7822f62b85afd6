/* loops: functions that are compiled for several machines, of which the one for this machine runs; the same numbers come from each. */
#ifndef CHECK_LOOPS_H
#define CHECK_LOOPS_H
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define LOOP __attribute__((optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define LOOP
#endif
#endif
