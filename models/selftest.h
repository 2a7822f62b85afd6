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
    struct selftest_place largest, worst;       /* largest deviation; largest deviation over bound */
};
/* Is an array compared under the bounds of binary64? */
static inline bool selftest_double(const struct selftest_array *a) { return a->dtype == DTYPE_F64; }
/* Compares one array on the first `most` inputs. STATUS_INPUT for an array that is not float64 when the weights are not binary32. */
enum status selftest_compare(struct selftest_result *out, const struct selftest_data *s, size_t array, const struct net *net, size_t most, struct diag *d) MUST_USE;
/* The midpoints of an array's rows on the first `most` inputs, real semantics. */
enum status selftest_rows(double *mid, const struct selftest_data *s, size_t array, const struct net *net, size_t most) MUST_USE;
/* Looks for one change to the reading that makes every array agree. cause: in words, empty when there is none. */
struct text;
enum status selftest_cause(struct text *cause, struct model *m, const struct model_options *o, const struct selftest_data *s) MUST_USE;
#endif
