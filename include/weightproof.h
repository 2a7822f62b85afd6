/* weightproof: the public C API. Link with libweightproof.a and the libraries of its Makefile.
 *
 * Handles are opaque; every function but the ones that make a handle takes one. Strings that are returned belong to the handle. Nothing
 * here is a verdict by itself: weightproof_verify runs the same judge as the program, so that every verdict is what weightproof-check
 * accepted. A handle belongs to one thread at a time. */
#ifndef WEIGHTPROOF_H
#define WEIGHTPROOF_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

const char *weightproof_version(void);

/* One run of `weightproof verify` on a claim file. */
typedef struct weightproof_run weightproof_run;
struct weightproof_options {            /* zeroed: the defaults of the program */
    const char *const *only; size_t n_only; /* names of claims; none: all */
    const char *checker;                /* path of weightproof-check; NULL: beside the calling program or in libexec */
    const char *certificates;           /* folder of the evidence bundle, or NULL */
    const char *engine;                 /* or NULL */
    double timeout, check_timeout;      /* seconds for proving and checking one claim; 0: none, and 3600 */
    int threads;                        /* 0: all processors */
    unsigned long seed;
    volatile int *stop;                 /* set it (from a signal handler or a thread) to end early; or NULL */
};
/* NULL without memory. Otherwise a run, also when the claim file is bad: then status is 3 and errors say why. */
weightproof_run *weightproof_verify(const char *claims_file, const struct weightproof_options *options);
void weightproof_run_free(weightproof_run *run);

int weightproof_run_status(const weightproof_run *run);          /* exit status of the program: 0, 1, 2, 3, 4 */
const char *weightproof_run_errors(const weightproof_run *run);  /* messages with their places, or "" */
const char *weightproof_run_json(const weightproof_run *run);    /* docs/json.md; NULL when nothing was decided */

size_t weightproof_run_count(const weightproof_run *run);        /* claims, one for each foreach value */
const char *weightproof_run_name(const weightproof_run *run, size_t i);       /* no_trigger[a=3]; NULL out of range, here and below */
const char *weightproof_run_verdict(const weightproof_run *run, size_t i);    /* proved bounded refuted undecided vacuous error */
const char *weightproof_run_evidence(const weightproof_run *run, size_t i);   /* checked replayed none */
const char *weightproof_run_reason(const weightproof_run *run, size_t i);     /* why undecided, or NULL */

/* A model file, read as `weightproof info` reads it. */
typedef struct weightproof_model weightproof_model;
/* config: path or NULL. NULL without memory; otherwise errors say whether it was read. */
weightproof_model *weightproof_model_read(const char *file, const char *config);
void weightproof_model_free(weightproof_model *model);
const char *weightproof_model_errors(const weightproof_model *model);         /* "" when it was read */
const char *weightproof_model_info(const weightproof_model *model);           /* text of `info`, NULL when not read, here and below */
const char *weightproof_model_info_json(const weightproof_model *model);
const char *weightproof_model_net(const weightproof_model *model);            /* the canonical network, proofs/NETWORK.md */
const char *weightproof_model_net_sha256(const weightproof_model *model);

#ifdef __cplusplus
}
#endif
#endif
