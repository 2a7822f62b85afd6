/* claims: the claim file of a command. */
#ifndef WEIGHTPROOF_CLI_CLAIMS_H
#define WEIGHTPROOF_CLI_CLAIMS_H
#include "cli/command.h"
#include "verify/statement.h"
/* positional[0] with --only, --model, --param, --config, --set. Fails when there is no claim at all. */
enum status command_claims(struct claims *out, const struct arguments *a, struct diag *d) MUST_USE;
/* STATUS_INPUT, with what to give, when the statement leaves a constant or conditions open. */
enum status command_closed(const struct statement *s, struct diag *d) MUST_USE;
#endif
