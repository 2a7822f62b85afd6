/* shares: the same work on several processors. Each share is a process of its own, so that nothing is written by two. */
#ifndef CHECK_SHARES_H
#define CHECK_SHARES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARES_MOST 64
uint32_t shares_of_machine(void);         /* processors that are there: 1..SHARES_MOST */
/* Fills result (size bytes, zeroed before, no pointers) with what share `part` of `parts` gives; false: the other shares do not matter any more. */
typedef bool share_fn(uint32_t part, uint32_t parts, void *arg, void *result);
/* results[part * size]. *stopped: some share said that the others do not matter: only the results that are `have` stand. False, without results: a share
 * ended early, or no process can be had. */
bool shares_run(uint32_t parts, share_fn *f, void *arg, void *results, bool *have, size_t size, bool *stopped);
#endif
