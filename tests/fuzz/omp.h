/* clang comes without OpenMP: the fuzz targets run on one thread, and this says so. */
#ifndef WEIGHTPROOF_FUZZ_OMP_H
#define WEIGHTPROOF_FUZZ_OMP_H
static inline int omp_get_thread_num(void) { return 0; }
static inline int omp_get_max_threads(void) { return 1; }
#endif
