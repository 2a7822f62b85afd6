/* bound_curve: the functions of one variable that units apply (FORMAT.md §3, rule farkas): ranges rounded outward, bounds of the bend, and lines below and above. */
#ifndef WEIGHTPROOF_VERIFY_BOUND_CURVE_H
#define WEIGHTPROOF_VERIFY_BOUND_CURVE_H
#include <stdbool.h>
#include <gmp.h>
#include "models/net.h"

enum curve { CURVE_RELU, CURVE_SQUARE, CURVE_RECIPROCAL, CURVE_RSQRT, CURVE_EXP, CURVE_SQRT, CURVE_ERF, CURVE_TANH, CURVE_SIGMOID, CURVE_GELU, CURVE_GELU_NEW, CURVE_SILU };
enum curve curve_of(enum op op);                        /* of an entrywise operation; CURVE_RELU: of none that is smooth */
double curve_double(enum curve f, double z);            /* nearly */
double curve_bend_double(enum curve f);                 /* a bound of |f''| that holds everywhere, or 0 */
/* a <= f(z) <= b for lo <= z <= hi, multiples of 2^-bits; false: f has no value somewhere there, or one that is too large */
bool curve_range(mpq_t a, mpq_t b, enum curve f, const mpq_t lo, const mpq_t hi, unsigned bits);
/* f(z) >= slope z + constant (above: <=) for lo <= z <= hi, as bisection shows */
bool curve_line(enum curve f, const mpq_t lo, const mpq_t hi, const mpq_t slope, const mpq_t constant, bool above);
#define CURVE_BITS 32                                   /* of ranges while cases are searched */
#endif
