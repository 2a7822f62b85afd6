/* idle_rows: interventions on rows that nothing that is read depends on (another position, behind the last attention). */
#ifndef WEIGHTPROOF_VERIFY_IDLE_ROWS_H
#define WEIGHTPROOF_VERIFY_IDLE_ROWS_H
#include "verify/statement.h"

/* A patch, ablate or steer of the statement: is every reading of a model with it one row of logits that does not depend on the rows it names? False where the graph and the text alone do not show it. */
bool change_is_unread(const struct statement *s, const struct expr *change);
#endif
