/* ball_value: exp, sqrt, erf, tanh, the logistic function and the smooth activations on a ball at any precision (NETWORK.md §3). */
#include <arb_hypgeom.h>
#include "models/rows.h"

void ball_value(arb_t out, enum op op, const arb_t x, slong prec)
{
    switch (op) {
    case OP_EXP: arb_exp(out, x, prec); break;
    case OP_SIGMOID: ball_logistic(out, x, prec); break;
    case OP_TANH: arb_tanh(out, x, prec); break;
    case OP_ERF: arb_hypgeom_erf(out, x, prec); break;
    case OP_SQRT: arb_sqrt(out, x, prec); break;
    default: ball_activation(out, op, x, prec); break;
    }
}
