/* smt: one claim as an SMT-LIB 2 document, for any solver. */
#include <stdio.h>
#include <stdlib.h>
#include "cli/claims.h"
#include "core/clock.h"
#include "verify/smt/refine.h"

/* Lemmas that Z3's models ask for, when --rounds does; how that went, on standard error. */
static enum status add_lemmas(struct smt_document *doc, struct smt *m, const struct arguments *a, struct diag *d)
{
    unsigned long rounds = 0;
    double timeout = 0;
    struct limits l = {0};
    struct text said;
    enum status s = argument_count(&rounds, a, OPTION_ROUNDS, 1, 1000, d);
    if (s == STATUS_OK) s = argument_count(&l.seed, a, OPTION_SEED, 0, 0xffffffffUL, d);
    if (s == STATUS_OK) s = argument_count(&l.resources, a, OPTION_RESOURCES, 1, 0xffffffffUL, d);
    if (s == STATUS_OK) s = argument_number(&timeout, a, OPTION_TIMEOUT, 0.001, 1e9, d);
    if (s != STATUS_OK || rounds == 0) return s;
    text_init(&said);
    l.deadline = timeout > 0 ? clock_seconds() + timeout : 0;
    s = smt_refine(doc, &said, m, rounds, &l);
    if (s == STATUS_OK && said.data) (void)fprintf(stderr, "%s\n", said.data);
    text_clear(&said);
    return s;
}

int command_smt(const struct arguments *a)
{
    struct claims c = {0};
    struct smt m;
    struct smt_document doc = {0};
    struct diag d;
    bool read = false, begun = false;
    diag_init(&d);
    enum status s = command_claims(&c, a, &d);
    if (s != STATUS_OK) goto done;
    read = true;
    const struct statement *st = &c.statements[0];
    if (c.n_statements > 1) {
        s = diag_fail(&d, STATUS_INPUT, "there are %zu claims (or values of foreach); smt writes one: --only NAME, and --param for a foreach", c.n_statements);
        goto done;
    }
    s = command_closed(st, &d);
    if (s != STATUS_OK) goto done;
    begun = true;
    s = smt_init(&m, st, &d);
    if (s == STATUS_OK) s = smt_write(&doc, &m);
    if (s == STATUS_OK) s = add_lemmas(&doc, &m, a, &d);
    if (s == STATUS_OK) s = command_write(argument_value(a, OPTION_OUTPUT), doc.text.data, doc.text.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (begun) {
        text_clear(&doc.text);
        smt_clear(&m);
    }
    if (read) claims_clear(&c);
    diag_clear(&d);
    return code;
}
