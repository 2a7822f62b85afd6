/* vector: what the files of double kernels share: four doubles at a time, and functions that are compiled for several machines. Internal to core/ and models/. */
#ifndef WEIGHTPROOF_CORE_VECTOR_H
#define WEIGHTPROOF_CORE_VECTOR_H

/* A function in versions for AVX-512, AVX2 and any machine, of which the one for this machine runs. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

/* 32 bytes: a register of AVX2. Wider vectors are taken apart through memory where the machine has none. */
typedef double vec __attribute__((vector_size(32), aligned(8), may_alias));
typedef long long vec_bits __attribute__((vector_size(32), aligned(8), may_alias));
#define LANES 4
#define LOAD(p) (*(const vec *)(const void *)(p))
#define STORE(p, x) (*(vec *)(void *)(p) = (x))
#endif
