/* smt: one claim as an SMT-LIB 2 document, for any solver. */
#include <stdlib.h>
#include "cli/claims.h"
#include "verify/smt/smt.h"

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
