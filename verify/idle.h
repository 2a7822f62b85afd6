/* idle: interventions that change nothing, as far as the graph and the weights alone show. */
#ifndef WEIGHTPROOF_VERIFY_IDLE_H
#define WEIGHTPROOF_VERIFY_IDLE_H
#include "verify/statement.h"

/* The first ablate, patch, steer or replace of the statement that puts in place what is there or changes rows that the output does not read, as text with the reason; out stays
 * empty where none is found. Only what is found is certain. False without memory. */
bool statement_idle(struct text *out, const struct statement *s);
/* The node of embed, pos_embed, head(l, h), mlp(l), "name" (layer and head numbers), or -1. */
long named_node(const struct net *net, const struct expr *component);
/* Which nodes an ablate keeps as a whole, as far as the text says (keep NULL: none); the caller's. NULL without memory. */
bool *kept_nodes(const struct net *net, const struct expr *keep);
#endif
