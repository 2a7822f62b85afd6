/* selftest: stored outputs of another program against the certified enclosures of the network. Every stored number must lie within the certified
 * error bound of an execution in its own precision: binary32 for float32, binary64 for float64. No tolerance. */
#ifndef WEIGHTPROOF_MODELS_SELFTEST_H
#define WEIGHTPROOF_MODELS_SELFTEST_H
#include "models/model.h"
#include "models/run.h"

/* Inputs [count, length] (tokens) or [count, length, width]; owned. */
struct selftest_array { char *name; size_t node, rank, shape[3]; bool last_only; enum dtype dtype; double *data; };
struct selftest_data { size_t count, length; double *inputs; struct selftest_array *arrays; size_t n_arrays; };
/* Reads an .npz: inputs (or tokens, x, input), and arrays named as a node, or logits, output, outputs, y, with or without _float32, _float64. */
enum status selftest_read(struct selftest_data *out, const char *path, const struct net *net, struct diag *d) MUST_USE;
void selftest_data_clear(struct selftest_data *s);

/* What one array's comparison gave. place: input, position, entry. */
struct selftest_place { size_t input, position, entry; double stored, mid, deviation, bound; };
struct selftest_result {
    size_t entries, outside, unbounded;         /* compared; outside their bound; with a bound that is not finite */
    struct selftest_place largest, worst;       /* largest deviation; largest deviation over bound; among entries with a finite bound */
    struct selftest_place loose;                /* largest deviation among the others, which is held against nothing */
};
/* Is an array compared under the bounds of binary64? */
static inline bool selftest_double(const struct selftest_array *a) { return a->dtype == DTYPE_F64; }
/* Compares one array on the first `most` inputs. STATUS_INPUT for an array that is not float64 when the weights are not binary32. */
enum status selftest_compare(struct selftest_result *out, const struct selftest_data *s, size_t array, const struct net *net, size_t most, struct diag *d) MUST_USE;
/* The midpoints of an array's rows on the first `most` inputs, real semantics. */
enum status selftest_rows(double *mid, const struct selftest_data *s, size_t array, const struct net *net, size_t most) MUST_USE;
/* How far the arrays are from the values of the network, real semantics, on the first `most` inputs: the largest deviation in units of the last place of the
 * largest stored number, of the array's own precision. *entries: how many were looked at. Infinite where a number is not finite, or without memory. Ordinary
 * arithmetic: for hints, it decides nothing. */
double selftest_misfit(size_t *entries, const struct selftest_data *s, const struct net *net, size_t most);
/* Looks for one change to the reading under which every array agrees and lies ten times nearer at least; of several the nearest. outside: does an array fail?
 * If none fails, a change is looked for only where the deviations are larger than rounding usually makes them, and it is a doubt. cause: in words, empty
 * when there is none. */
struct text;
enum status selftest_cause(struct text *cause, struct model *m, const struct model_options *o, const struct selftest_data *s, bool outside) MUST_USE;
#endif
