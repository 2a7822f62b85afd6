/* What is said of a bilinear network as a function of its input: radius, interaction matrices and their spectra, distances, lines, truncated networks. */
#include <stdio.h>
#include <string.h>
#include "verify/quadratic.h"
#include "verify/types.h"

/* A corner of the box of radius: an exact vector of the network's inputs, or a number for all of them. */
static bool type_corner(struct typer *t, struct expr *e, const struct net *net)
{
    const struct type *x = &e->type;
    if (!type_value(t, e)) return false;
    if (x->base != BASE_NONE && (x->rank > 1 || !is_number(x) || x->base == BASE_REAL))
        return type_wrong(t, e, "a number or a vector of exact numbers", "the box of radius(N, x, lo, hi)");
    if (net && x->base != BASE_NONE && x->rank == 1 && x->shape[0] >= 0 && (size_t)x->shape[0] != net->width_in)
        return type_wrong(t, e, "a vector as long as the network's input", NULL);
    return true;
}

/* radius(N, x), radius(N, x, j), radius(N, x, lo, hi), radius(N, x, j, lo, hi): x an exact vector of the network's inputs */
bool type_radius(struct typer *t, struct expr *e)
{
    const struct bound_model *m = NULL;
    if (!type_model(t, e->args[0], &m) || !type_value(t, e->args[1]))
        return false;
    const struct net *net = net_of(m);
    const struct type *x = &e->args[1]->type;
    e->type = type_of(BASE_REAL, 0, -1, -1);
    if (e->args[0]->form != FORM_NAME)
        return type_wrong(t, e->args[0], "a model of the file", "radius is of a network without interventions");
    if (net && (net->width_in == 0 || net->n_ctx != 1))
        return type_wrong(t, e->args[0], "a model that reads one vector of real numbers", NULL);
    if (x->base != BASE_NONE && (x->rank != 1 || !is_number(x) || x->base == BASE_REAL))
        return type_wrong(t, e->args[1], "a vector of exact numbers", x->rank == 2 ? "take one row: X[r]" : NULL);
    if (net && x->base != BASE_NONE && x->shape[0] >= 0 && (size_t)x->shape[0] != net->width_in) {
        report_at(t->report, e->args[1]->at, NULL, NULL, "a vector of %ld numbers, %s reads %zu", x->shape[0], m->name, net->width_in);
        return false;
    }
    if (e->n_args % 2 == 1 && !type_integer(t, e->args[2]))
        return false;
    for (size_t i = e->n_args - 2; e->n_args > 3 && i < e->n_args; i++)
        if (!type_corner(t, e->args[i], net)) return false;
    struct text why;
    text_init(&why);
    if (net && !outputs_possible(net, -1, &why))
        type_note(t, "radius: %s", why.data ? why.data : "not a bilinear network");
    text_clear(&why);
    return true;
}

/* The variables of a form: the input, or the entries of the node that argument `at` names; *affine: with 1 before them. -1 is the input. */
static bool type_basis(struct typer *t, struct expr *e, size_t at, const struct bound_model *m, long *leaf, bool *affine)
{
    const struct net *net = net_of(m);
    struct type unused;
    *leaf = -1;
    *affine = false;
    if (e->n_args <= at)
        return true;
    struct expr *basis = e->args[at];
    basis->type = type_of(BASE_STRING, 0, -1, -1);
    if (basis->form != FORM_STRING)
        return type_wrong(t, basis, e->function == FUNCTION_FORM ? "\"affine\", or the name of a node in quotes" : "the name of a node in quotes", NULL);
    *affine = e->function == FUNCTION_FORM && strcmp(basis->name, "affine") == 0;
    if (*affine || !net)
        return true;
    if (!type_node_name(t, basis, m, basis->name, -1, NULL, &unused))
        return false;
    *leaf = net_node(net, basis->name);
    return true;
}

/* form(N, u), form(N, u, "affine"), form(N, u, "node"), antisymmetric(N, u), antisymmetric(N, u, "node"): u an output or a vector with one number an output */
bool type_form(struct typer *t, struct expr *e)
{
    const struct bound_model *m = NULL;
    long leaf;
    bool affine;
    if (!type_model(t, e->args[0], &m) || !type_value(t, e->args[1]) || !type_basis(t, e, 2, m, &leaf, &affine))
        return false;
    const struct net *net = net_of(m);
    const struct type *u = &e->args[1]->type;
    if (e->args[0]->form != FORM_NAME)
        return type_wrong(t, e->args[0], "a model of the file", "it is of a network without interventions");
    if (net && (net->width_in == 0 || net->n_ctx != 1))
        return type_wrong(t, e->args[0], "a model that reads one vector of real numbers", NULL);
    bool index = u->rank == 0 && u->base == BASE_INT, vector = u->rank == 1 && is_number(u) && u->base != BASE_REAL;
    if (u->base != BASE_NONE && !index && !vector)
        return type_wrong(t, e->args[1], "an output, or a vector with an exact number for each output", NULL);
    long width = net ? (long)net->nodes[net->output].width : -1, i, n = net ? (long)(leaf < 0 ? net->width_in : net->nodes[leaf].width) + affine : -1;
    if (net && ((vector && u->shape[0] >= 0 && u->shape[0] != width) || (index && constant_integer(&i, e->args[1], -1) && (i < 0 || i >= width)))) {
        report_at(t->report, e->args[1]->at, NULL, NULL, "%s has %ld outputs", m->name, width);
        return false;
    }
    e->type = type_of(BASE_EXACT, 2, n, n);
    struct text why;
    text_init(&why);
    if (net && !outputs_possible(net, leaf, &why))
        type_note(t, "%s: %s", function_table[e->function].name, why.data ? why.data : "not a bilinear network");
    text_clear(&why);
    return true;
}

/* truncate(N, k), truncate(N, k, "node"): a model for output */
bool type_truncate(struct typer *t, struct expr *e)
{
    const struct bound_model *m = NULL;
    long leaf, k;
    bool affine;
    if (!type_model(t, e->args[0], &m) || !type_integer(t, e->args[1]) || !type_basis(t, e, 2, m, &leaf, &affine))
        return false;
    const struct net *net = net_of(m);
    if (e->args[0]->form != FORM_NAME)
        return type_wrong(t, e->args[0], "a model of the file", "truncate is of a network without interventions");
    if (net && (net->width_in == 0 || net->n_ctx != 1))
        return type_wrong(t, e->args[0], "a model that reads one vector of real numbers", NULL);
    if (constant_integer(&k, e->args[1], -1) && k < 0) {
        report_at(t->report, e->args[1]->at, NULL, NULL, "truncate keeps a number of eigenvectors, 0 or more");
        return false;
    }
    e->type = type_of(BASE_MODEL, 0, -1, -1);
    struct text why;
    text_init(&why);
    if (net && !outputs_possible(net, leaf, &why))
        type_note(t, "truncate: %s", why.data ? why.data : "not a bilinear network");
    text_clear(&why);
    return true;
}

/* A bilinear model of the file. */
static bool type_bilinear(struct typer *t, struct expr *x, const char *what, const struct net **net)
{
    const struct bound_model *m = NULL;
    struct text why;
    char help[80];
    if (!type_model(t, x, &m))
        return false;
    (void)snprintf(help, sizeof help, "%s is of networks without interventions", what);
    *net = net_of(m);
    if (x->form != FORM_NAME)
        return type_wrong(t, x, "a model of the file", help);
    if (*net && ((*net)->width_in == 0 || (*net)->n_ctx != 1))
        return type_wrong(t, x, "a model that reads one vector of real numbers", NULL);
    text_init(&why);
    if (*net && !outputs_possible(*net, -1, &why))
        type_note(t, "%s: %s", what, why.data ? why.data : "not a bilinear network");
    text_clear(&why);
    return true;
}

/* distance(N, M, "gaussian"), distance(N, M, "sphere"): a number for each output */
bool type_distance(struct typer *t, struct expr *e)
{
    const struct net *a = NULL, *b = NULL;
    if (!type_bilinear(t, e->args[0], "distance", &a) || !type_bilinear(t, e->args[1], "distance", &b))
        return false;
    struct expr *word = e->args[2];
    word->type = type_of(BASE_STRING, 0, -1, -1);
    if (word->form != FORM_STRING || (strcmp(word->name, "gaussian") != 0 && strcmp(word->name, "sphere") != 0))
        return type_wrong(t, word, "\"gaussian\" or \"sphere\", the inputs over which the mean is taken", NULL);
    if (a && b && (a->width_in != b->width_in || a->nodes[a->output].width != b->nodes[b->output].width))
        return type_wrong(t, e->args[1], "a model with as many inputs and outputs as the first", NULL);
    e->type = type_of(BASE_EXACT, 1, a ? (long)a->nodes[a->output].width : -1, -1);
    return true;
}

/* flip(N, x, v), changes(N, x, y) */
bool type_line(struct typer *t, struct expr *e)
{
    const struct net *net = NULL;
    if (!type_bilinear(t, e->args[0], function_table[e->function].name, &net))
        return false;
    for (size_t i = 1; i < 3; i++) {
        if (!type_value(t, e->args[i]))
            return false;
        const struct type *x = &e->args[i]->type;
        if (x->base != BASE_NONE && (x->rank != 1 || !is_number(x) || x->base == BASE_REAL || (net && x->shape[0] >= 0 && (size_t)x->shape[0] != net->width_in)))
            return type_wrong(t, e->args[i], "a vector with an exact number for each input of the model", x->rank == 2 ? "take one row: X[r]" : NULL);
    }
    e->type = type_of(e->function == FUNCTION_FLIP ? BASE_REAL : BASE_INT, 0, -1, -1);
    return true;
}

/* gram(N), hosvd(N), both with a node */
bool type_gram(struct typer *t, struct expr *e)
{
    const struct bound_model *m = NULL;
    long leaf;
    bool affine;
    if (!type_model(t, e->args[0], &m) || !type_basis(t, e, 1, m, &leaf, &affine))
        return false;
    const struct net *net = net_of(m);
    long width = net ? (long)net->nodes[net->output].width : -1;
    if (e->args[0]->form != FORM_NAME)
        return type_wrong(t, e->args[0], "a model of the file", "it is of a network without interventions");
    if (net && (net->width_in == 0 || net->n_ctx != 1))
        return type_wrong(t, e->args[0], "a model that reads one vector of real numbers", NULL);
    e->type = e->function == FUNCTION_GRAM ? type_of(BASE_EXACT, 2, width, width) : type_of(BASE_REAL, 1, width, -1);
    struct text why;
    text_init(&why);
    if (net && !outputs_possible(net, leaf, &why))
        type_note(t, "%s: %s", function_table[e->function].name, why.data ? why.data : "not a bilinear network");
    text_clear(&why);
    return true;
}
