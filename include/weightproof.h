/* weightproof: the public C API. Link with libweightproof.so, or with libweightproof.a and the libraries of its Makefile.
 *
 * Handles are opaque; every function but the ones that make a handle takes one. Strings and arrays that are returned belong to the handle.
 * Nothing here is a verdict by itself: weightproof_verify runs the same judge as the program, so that every verdict is what
 * weightproof-check accepted. A handle belongs to one thread at a time; different handles are independent. */
#ifndef WEIGHTPROOF_H
#define WEIGHTPROOF_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

const char *weightproof_version(void);

/* Words NAME=VALUE, as the program's options take them. */
struct weightproof_words { const char *const *words; size_t n; };

/* One run of `weightproof verify` on a claim file. */
typedef struct weightproof_run weightproof_run;
struct weightproof_options {              /* zeroed: the defaults of the program */
    struct weightproof_words only;        /* names of claims; none: all */
    struct weightproof_words models;      /* NAME=FILE: replaces the file of a model of the claim file */
    struct weightproof_words data;        /* NAME=FILE: replaces the file of a data array of the claim file */
    struct weightproof_words params;      /* NAME=VALUE */
    struct weightproof_words settings;    /* NAME:KEY=VALUE or KEY=VALUE: configuration of one model or of all */
    const char *config;                   /* configuration file for every model, or NULL */
    const char *semantics;                /* "real" or "float32" for every claim, or NULL: what each says */
    const char *checker;                  /* path of weightproof-check; NULL: beside the calling program or in libexec */
    const char *certificates;             /* folder of the evidence bundle, or NULL */
    const char *failures;                 /* folder for failing inputs and the lines that replay them, or NULL */
    const char *report;                   /* path of the HTML report, or NULL */
    const char *engine;                   /* or NULL */
    double timeout, check_timeout;        /* seconds for proving and checking one claim; 0: none, and 3600 */
    int threads;                          /* 0: all processors */
    unsigned long seed;
    volatile int *stop;                   /* set it (from a signal handler or a thread) to end early: what was decided is kept; or NULL */
    void (*decided)(void *context, size_t index, const char *name, const char *verdict, const char *result); /* after each claim; or NULL */
    void (*progress)(void *context, const char *what, double done, const char *best); /* while searching; done in 0..1 or negative; from any thread; or NULL */
    void *context;
};
/* NULL without memory. Otherwise a run, also when the claim file is bad: then status is 3 and errors say why. */
weightproof_run *weightproof_verify(const char *claims_file, const struct weightproof_options *options);
/* The same for claims given as text. NAME is what messages call it; relative paths in it start from the folder of NAME. */
weightproof_run *weightproof_verify_text(const char *text, const char *name, const struct weightproof_options *options);
void weightproof_run_free(weightproof_run *run);

int weightproof_run_status(const weightproof_run *run);          /* exit status of the program: 0, 1, 2, 3, 4 */
const char *weightproof_run_errors(const weightproof_run *run);  /* messages with their places, or "" */
const char *weightproof_run_json(const weightproof_run *run);    /* docs/json.md; NULL when nothing was decided */

size_t weightproof_run_count(const weightproof_run *run);        /* claims, one for each foreach value */
const char *weightproof_run_name(const weightproof_run *run, size_t i);       /* no_trigger[a=3]; NULL out of range, here and below */
const char *weightproof_run_verdict(const weightproof_run *run, size_t i);    /* proved bounded refuted undecided vacuous error */
const char *weightproof_run_evidence(const weightproof_run *run, size_t i);   /* checked replayed none */
const char *weightproof_run_result(const weightproof_run *run, size_t i);     /* what was found, in words */
const char *weightproof_run_reason(const weightproof_run *run, size_t i);     /* why undecided, or NULL */

/* A model file, read as `weightproof info` reads it. */
typedef struct weightproof_model weightproof_model;
struct weightproof_model_options {        /* zeroed: the defaults */
    const char *config;                   /* configuration file, or NULL */
    struct weightproof_words settings;    /* KEY=VALUE */
    const char *family;                   /* as `as` in a claim file, or NULL */
    struct weightproof_words process;     /* exact processing: fold_ln, fold_value_biases, center_writing, center_unembed */
};
/* NULL without memory; otherwise errors say whether it was read. */
weightproof_model *weightproof_model_read(const char *file, const struct weightproof_model_options *options);
void weightproof_model_free(weightproof_model *model);
const char *weightproof_model_errors(const weightproof_model *model);         /* "" when it was read */
const char *weightproof_model_info(const weightproof_model *model);           /* text of `info`, NULL when not read, here and below */
const char *weightproof_model_info_json(const weightproof_model *model);
const char *weightproof_model_net(const weightproof_model *model);            /* the canonical network, proofs/NETWORK.md */
const char *weightproof_model_net_sha256(const weightproof_model *model);

/* Tensors in canonical names and orientation. shape holds up to 8 entries; NULL out of range. */
size_t weightproof_model_tensors(const weightproof_model *model);
const char *weightproof_model_tensor(const weightproof_model *model, size_t i, size_t *rank, size_t shape[8], const double **data);

/* Certified enclosure of a node (NULL: the output) on one input of n positions: lo <= value <= hi, entry by entry, row-major
 * [n, width]. float32: of every binary32 execution, else of the real function. An end that is not known is infinite.
 * Row widths come from weightproof_model_width: n for attention patterns and scores. */
size_t weightproof_model_width(const weightproof_model *model, const char *node, size_t n);   /* 0: no such node */
/* 0: done; else the run's exit status, and weightproof_model_message says why. */
int weightproof_model_run(weightproof_model *model, const char *node, const int *tokens, size_t n, int float32, double *lo, double *hi);
/* The same of a network of real inputs: n rows of weightproof_model_input_width numbers, which under float32 must be binary32 numbers. */
int weightproof_model_run_input(weightproof_model *model, const char *node, const double *rows, size_t n, int float32, double *lo, double *hi);
size_t weightproof_model_input_width(const weightproof_model *model);         /* 0: inputs are tokens */
const char *weightproof_model_message(const weightproof_model *model);

#ifdef __cplusplus
}
#endif
#endif
