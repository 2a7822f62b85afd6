/* Layered automata: minimisation against direct evaluation on every sequence. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "verify/automaton.h"

#define N 5
static unsigned long long state = 88172645463325252ULL;
static unsigned bits(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33);
}

static void random_automaton(struct automaton *a, size_t n, int n_outputs)
{
    size_t tokens[N];
    for (size_t i = 0; i < n; i++)
        tokens[i] = bits() % 4;
    ck_assert_int_eq(automaton_init(a, n, tokens), STATUS_OK);
    a->n_states[0] = 1;
    for (size_t i = 0; i < n; i++) {
        size_t there = 1 + bits() % 6;
        a->n_states[i + 1] = there;
        a->next[i] = mem_array(a->n_states[i] * tokens[i], sizeof **a->next);
        for (size_t e = 0; e < a->n_states[i] * tokens[i]; e++)
            a->next[i][e] = bits() % 5 == 0 ? AUTOMATON_DEAD : (int)(bits() % there);
    }
    a->output = mem_array(a->n_states[n], sizeof *a->output);
    for (size_t s = 0; s < a->n_states[n]; s++)
        a->output[s] = (int)(bits() % (unsigned)(n_outputs + 1)) - 1;
}

static int run(const struct automaton *a, const size_t *tokens)
{
    int s = a->n_states[0] ? 0 : AUTOMATON_DEAD;
    for (size_t i = 0; i < a->n && s >= 0; i++)
        s = a->next[i][(size_t)s * a->n_tokens[i] + tokens[i]];
    return s < 0 ? AUTOMATON_DEAD : a->output[s];
}

static bool next_sequence(const struct automaton *a, size_t *tokens)
{
    for (size_t i = a->n; i-- > 0;) {
        if (++tokens[i] < a->n_tokens[i])
            return true;
        tokens[i] = 0;
    }
    return false;
}

START_TEST(test_minimise)
{
    state += (unsigned long long)_i * 1000003;
    struct automaton a, m, again;
    random_automaton(&a, 1 + bits() % N, 3);
    ck_assert_int_eq(automaton_minimise(&m, &a, a.output), STATUS_OK);
    ck_assert_int_eq(automaton_minimise(&again, &m, m.output), STATUS_OK);
    unsigned long accepted = 0;
    bool empty = false;
    for (size_t i = 0; i < a.n; i++)
        empty |= a.n_tokens[i] == 0;
    size_t tokens[N] = { 0 };
    if (!empty)
        do {
            ck_assert_int_eq(run(&a, tokens), run(&m, tokens));
            accepted += run(&a, tokens) >= 0;
        } while (next_sequence(&a, tokens));
    mpz_t count;
    mpz_init(count);
    ck_assert_int_eq(automaton_count(count, &m), STATUS_OK);
    ck_assert(mpz_cmp_ui(count, accepted) == 0);
    for (size_t i = 0; i <= a.n; i++) {
        ck_assert_uint_le(m.n_states[i], a.n_states[i]);
        ck_assert_uint_eq(m.n_states[i], again.n_states[i]);
        ck_assert(accepted > 0 || m.n_states[i] == 0);
    }
    mpz_clear(count);
    automaton_clear(&a);
    automaton_clear(&m);
    automaton_clear(&again);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("automaton");
    TCase *c = tcase_create("minimise");
    tcase_add_loop_test(c, test_minimise, 0, 300);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
