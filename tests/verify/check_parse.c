/* Every construct: canonical text of statements, of files, and that reading what was printed gives the same. */
#include <check.h>
#include "core/text.h"
#include "verify/syntax.h"
#include "claims_text.h"

static void fail_with(const struct diag *d, const char *what)
{
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    diag_print(d, f);
    fclose(f);
    ck_abort_msg("%s\n%s", what, out);
}

/* The part of a statement after its semantics. */
static const char *body_of(const char *text)
{
    const char *s = strstr(text, "\nsemantics ");
    return s ? strchr(s + 1, '\n') + 1 : text;
}

static void statement_is(const char *header, const char *body, const char *expected)
{
    struct claims c = {0};
    struct diag d;
    char text[8100], found[8000];
    diag_init(&d);
    (void)snprintf(text, sizeof text, "claim c {\n%s\n}\n", body);
    if (claims_from_text(&c, header, text, &d) != STATUS_OK)
        fail_with(&d, body);
    ck_assert_uint_eq(c.n_statements, 1);
    ck_assert_ptr_nonnull(c.statements[0].text);
    (void)snprintf(found, sizeof found, "%s", body_of(c.statements[0].text));
    ck_assert_str_eq(found, expected);
    claims_clear(&c);
    diag_clear(&d);
    if (strstr(header, "model P"))
        return;   /* with LayerNorm the claim must say more than the statement */
    /* A statement's body is claim language: it is its own canonical form. */
    (void)snprintf(text, sizeof text, "claim c {\n%s}\n", found);
    if (claims_from_text(&c, header, text, &d) != STATUS_OK)
        fail_with(&d, found);
    ck_assert_str_eq(body_of(c.statements[0].text), found);
    claims_clear(&c);
    diag_clear(&d);
}

#define T "forall t in tokens[4] of 0..63\n"
static const struct { const char *written, *canonical; } predicates[] = {
    /* numbers */
    {"0.25 <= max(t)", "1/4 <= max(t)"},
    {"max(t) >= 1e-6", "max(t) >= 1/1000000"},
    {"max(t) >= 1.5e2", "max(t) >= 150"},
    {"max(t) >= 0x1.8p-3", "max(t) >= 3/16"},
    {"max(t) >= 2^-8", "max(t) >= 1/256"},
    {"max(t) >= -2^2", "max(t) >= -4"},
    {"max(t) >= (-2)^2", "max(t) >= 4"},
    {"max(t) >= 4/6", "max(t) >= 2/3"},
    {"max(t) >= 8/2/2", "max(t) >= 2"},
    {"max(t) >= --3", "max(t) >= 3"},
    {"max(t) >= 2^3^2", "max(t) >= 512"},
    {"max(t) >= 0.000", "max(t) >= 0"},
    {"max(t) * (1/4) >= 1", "max(t) * (1/4) >= 1"},
    {"1/4 * max(t) >= 1", "1/4 * max(t) >= 1"},
    {"max(t) / (1/4) >= 1", "max(t) / (1/4) >= 1"},
    {"max(t) - -3 >= 1", "max(t) - -3 >= 1"},
    {"max(t) ^ 2 >= 1", "max(t)^2 >= 1"},
    {"(-3) ^ t[0] <= 1", "(-3)^t[0] <= 1"},
    {"(1/2) ^ t[0] <= 1", "(1/2)^t[0] <= 1"},
    {"2 ^ -t[0] <= 1", "2^-t[0] <= 1"},
    {"-max(t) ^ 2 <= 1", "-max(t)^2 <= 1"},
    {"(-max(t)) ^ 2 >= 0", "(-max(t))^2 >= 0"},
    {"- - max(t) >= 0", "--max(t) >= 0"},
    /* operators */
    {"t[0] - (t[1] - t[2]) >= 0", "t[0] - (t[1] - t[2]) >= 0"},
    {"(t[0] - t[1]) - t[2] >= 0", "t[0] - t[1] - t[2] >= 0"},
    {"t[0] * (t[1] + t[2]) >= 0", "t[0] * (t[1] + t[2]) >= 0"},
    {"t[0] % 2 * 3 == 0", "t[0] % 2 * 3 == 0"},
    {"t[0] * (3 % 2) == 0", "t[0] * (3 % 2) == 0"},
    {"(0) <= t[0] < (t[1])", "0 <= t[0] < t[1]"},
    {"not t[0] == 1 and t[1] == 2 or t[2] == 3", "not t[0] == 1 and t[1] == 2 or t[2] == 3"},
    {"not (t[0] == 1 and t[1] == 2)", "not (t[0] == 1 and t[1] == 2)"},
    {"(t[0] == 1 or t[1] == 2) and t[2] == 3", "(t[0] == 1 or t[1] == 2) and t[2] == 3"},
    {"t[0] == 1 => t[1] == 2 => t[2] == 3", "t[0] == 1 => t[1] == 2 => t[2] == 3"},
    {"(t[0] == 1 => t[1] == 2) => t[2] == 3", "(t[0] == 1 => t[1] == 2) => t[2] == 3"},
    {"t[0] == 1 <=> t[1] == 2 <=> t[2] == 3", "t[0] == 1 <=> t[1] == 2 <=> t[2] == 3"},
    {"t[0] == 1 <=> (t[1] == 2 <=> t[2] == 3)", "t[0] == 1 <=> (t[1] == 2 <=> t[2] == 3)"},
    {"t[0] in 0..3", "t[0] in 0..3"},
    {"t[0] in 0..t[1] + 1", "t[0] in 0..t[1] + 1"},
    {"t[0] in { 1,2 , 3 }", "t[0] in {1, 2, 3}"},
    {"t[0] in { 2 * i : i in 0..9 where i != 3 }", "t[0] in {2 * i : i in 0..9 where i != 3}"},
    {"max(t) in argmaxes(logits(M, t)[last])", "max(t) in argmaxes(logits(M, t)[last])"},
    {"not t[0] in 0..3", "not t[0] in 0..3"},
    /* if, exists, quantifiers */
    {"(if t[0] == 1 then 2 else 3) == 2", "(if t[0] == 1 then 2 else 3) == 2"},
    {"2 == if t[0] == 1 then 2 else if t[1] == 0 then 3 else 4", "2 == (if t[0] == 1 then 2 else if t[1] == 0 then 3 else 4)"},
    {"if t[0] == 1 then t[1] == 1 else t[2] == 1 or t[3] == 1", "if t[0] == 1 then t[1] == 1 else t[2] == 1 or t[3] == 1"},
    {"exists i in 0..3 : t[i] == 1", "exists i in 0..3 : t[i] == 1"},
    {"exists i in 0..3, j in 0..i where i != j : t[i] == 1 and t[j] == 2", "exists i in 0..3, j in 0..i where i != j : t[i] == 1 and t[j] == 2"},
    {"t[0] == 1 and exists i in 0..3 : t[i] == 1", "t[0] == 1 and (exists i in 0..3 : t[i] == 1)"},
    {"(exists i in 0..3 : t[i] == 1) and t[0] == 1", "(exists i in 0..3 : t[i] == 1) and t[0] == 1"},
    {"all{ t[i] >= 0 : i in 0..3 }", "all{t[i] >= 0 : i in 0..3}"},
    {"any{ t[i] >= t[j] : i in 0..3, j in 0..i where i > j }", "any{t[i] >= t[j] : i in 0..3, j in 0..i where i > j}"},
    {"count{ t[i] == 1 : i in 0..3 } <= 4", "count{t[i] == 1 : i in 0..3} <= 4"},
    {"mean{ t[i] : i in 0..3 } <= sum{ t[i] : i in 0..3 }", "mean{t[i] : i in 0..3} <= sum{t[i] : i in 0..3}"},
    {"min{ t[i] : i in 0..3 } <= max{ t[i] : i in 0..3 }", "min{t[i] : i in 0..3} <= max{t[i] : i in 0..3}"},
    {"sum{ t[i] + sum{ t[i] : i in 0..1 } : i in 0..3 } >= 0", "sum{t[i] + sum{t[i_2] : i_2 in 0..1} : i in 0..3} >= 0"},
    {"all{ s[0] >= 0 : s in tokens[2] of {1, 5} }", "all{s[0] >= 0 : s in tokens[2] of {1, 5}}"},
    {"all{ s[0] >= 0 : s in tokens(0..3, {4}) }", "all{s[0] >= 0 : s in tokens(0..3, {4})}"},
    /* indices */
    {"max(t[..]) >= max(t[1..])", "max(t[..]) >= max(t[1..])"},
    {"max(t[..2]) >= max(t[0..last - 1])", "max(t[..2]) >= max(t[0..last - 1])"},
    {"logits(M, t)[last, max(t)] >= logits(M, t)[last][0]", "logits(M, t)[last, max(t)] >= logits(M, t)[last][0]"},
    {"{5, 6, 7}[t[0] % 3] >= 5", "{5, 6, 7}[t[0] % 3] >= 5"},
    {"(t + t)[0] >= 0", "(t + t)[0] >= 0"},
    /* functions */
    {"contains(t, 3) and distinct(t[0..2]) and len(t) == 4", "contains(t, 3) and distinct(t[0..2]) and len(t) == 4"},
    {"dist(inf, logits(M, t)[0], logits(M, t)[1]) <= norm(2, logits(M, t)[0])", "dist(inf, logits(M, t)[0], logits(M, t)[1]) <= norm(2, logits(M, t)[0])"},
    {"argmax(logits(M, seq(t[0], 5, sort(t[..1])))[last]) != 3", "argmax(logits(M, seq(t[0], 5, sort(t[..1])))[last]) != 3"},
    {"max(node(M, \"blocks.0.attn.hook_q.0\", t)[last]) < 100", "max(node(M, \"blocks.0.attn.hook_q.0\", t)[last]) < 100"},
    {"node(M, head(0,0), t)[0, 0] == head_out(M, 0, 0, t)[0, 0]", "node(M, head(0, 0), t)[0, 0] == head_out(M, 0, 0, t)[0, 0]"},
    {"node(M, embed, t)[0,0] < 9", "node(M, embed, t)[0, 0] < 9"},
    {"logits(patch(M, head(0,0)[0..1] = node(M, head(0,0), t)[0..1], pos_embed = node(M, pos_embed, t)), t)[last, 0] < 9",
     "logits(patch(M, head(0, 0)[0..1] = node(M, head(0, 0), t)[0..1], pos_embed = node(M, pos_embed, t)), t)[last, 0] < 9"},
    {"max(W(M, \"embed.W_E\") @ QK(M, 0, 0) @ transpose(W(M, \"embed.W_E\"))) < 99", "max(W(M, \"embed.W_E\") @ QK(M, 0, 0) @ transpose(W(M, \"embed.W_E\"))) < 99"},
    {"pi > 3", "pi() > 3"},
    /* what has no rule yet */
    {"logits(ablate(M, keep = all - {head(0, h) : h in 0..0}, to = mean over tokens[4] of 0..63), t)[last, 0] < 9",
     "logits(ablate(M, keep = all - {head(0, h) : h in 0..0}, to = mean over tokens[4] of 0..63), t)[last, 0] < 9"},
    {"logits(ablate(M, drop = {edge(embed, head(0, 0).q)}, to = any over tokens[4] of 0..3), t)[last, 0] < 9",
     "logits(ablate(M, drop = {edge(embed, head(0, 0).q)}, to = any over tokens[4] of 0..3), t)[last, 0] < 9"},
    {"logits(ablate(M, drop = {head(0, 0)[last]}, to = from t), t)[last, 0] < 9", "logits(ablate(M, drop = {head(0, 0)[last]}, to = from t), t)[last, 0] < 9"},
    {"logits(steer(M, \"hook_embed\"[last], onehot(3, 32), 1/2), t)[last, 0] < 9", "logits(steer(M, \"hook_embed\"[last], onehot(3, 32), 1/2), t)[last, 0] < 9"},
    {"logits(blend(M, M, 1/2), t)[last, 0] < 9", "logits(blend(M, M, 1/2), t)[last, 0] < 9"},
    {"argmax{ t[i] : i in 0..3 } == 2", "argmax{t[i] : i in 0..3} == 2"},
};

START_TEST(each_predicate)
{
    char body[2000], expected[2000];
    (void)snprintf(body, sizeof body, T "prove %s", predicates[_i].written);
    (void)snprintf(expected, sizeof expected, T "prove %s\n", predicates[_i].canonical);
    statement_is(HEADER_M, body, expected);
}
END_TEST

static const struct { const char *header, *written, *canonical; } bodies[] = {
    {HEADER_M, "prove 1 + 1 == 2", "prove 1 + 1 == 2\n"},
    {HEADER_M, "forall t in tokens[2] of 0..3 where t[0] == 1 forall s in tokens[2] of 0..3 where s[0] == 2 prove t[1] == s[1]",
     "forall t in tokens[2] of 0..3, s in tokens[2] of 0..3 where t[0] == 1 and s[0] == 2\nprove t[1] == s[1]\n"},
    {HEADER_M, "count t in tokens[2] of 0..3 where t[0] == 1 : t[1] == 2 prove number == total or fraction >= 0.5 within 1/100",
     "count t in tokens[2] of 0..3 where t[0] == 1 : t[1] == 2\nwithin 1/100\nprove number == total or fraction >= 1/2\n"},
    {HEADER_M, "average t in tokens[2] of 0..3 : t[0]", "average t in tokens[2] of 0..3 : t[0]\n"},
    {HEADER_M, "maximize t in tokens[2] of 0..3 : t[0] prove value <= 3", "maximize t in tokens[2] of 0..3 : t[0]\nprove value <= 3\n"},
    {HEADER_M, "minimize t in tokens[2] of 0..3 : t[0] timeout 2.5 s engine enumerate expect bounded because \"it\"", "minimize t in tokens[2] of 0..3 : t[0]\n"},
    {HEADER_M, "list t in tokens[2] of 0..3 : t[0] == 1 at most 7", "list t in tokens[2] of 0..3 : t[0] == 1 at most 7\n"},
    /* lets: values, functions, hygiene */
    {HEADER_M, "let two = 1 + 1 forall t in tokens[two] of 0..3 prove t[0] * two >= 0", "forall t in tokens[1 + 1] of 0..3\nprove t[0] * (1 + 1) >= 0\n"},
    {HEADER_M "let f(a) = sum{ a + i : i in 0..1 }\n", "forall i in 0..3 prove f(i) >= 0", "forall i in 0..3\nprove sum{i + i_2 : i_2 in 0..1} >= 0\n"},
    {HEADER_M "let f(a) = sum{ a + i : i in 0..1 }\n", "prove all{ f(f(i)) >= 0 : i in 0..3 }",
     "prove all{sum{sum{i + i_3 : i_3 in 0..1} + i_2 : i_2 in 0..1} >= 0 : i in 0..3}\n"},
    {HEADER_M "let C = W(M, \"embed.W_E\")\n", "prove all{ C[M_2, 0] >= -99 : M_2 in 0..3 }", "prove all{W(M, \"embed.W_E\")[M_2, 0] >= -99 : M_2 in 0..3}\n"},
    {HEADER_M "let C = W(M, \"embed.W_E\")\n", "prove all{ C[M, 0] >= -99 : M in 0..3 }", "prove all{W(M, \"embed.W_E\")[M_2, 0] >= -99 : M_2 in 0..3}\n"},
    {HEADER_M "let x = 3\n", "let x = x + 1 prove x == 4", "prove 3 + 1 == 4\n"},
    {HEADER_M "param K = 3\ndomain D = tokens[K] of 0..K\n", "forall t in D prove max(t) <= K", "forall t in tokens[3] of 0..3\nprove max(t) <= 3\n"},
    {HEADER_M "param K = -1/2\n", "prove K < 0", "prove -1/2 < 0\n"},
    {HEADER_M "param N = \"embed.W_E\"\n", "prove max(W(M, N)) > 0", "prove max(W(M, \"embed.W_E\")) > 0\n"},
    {HEADER_M, "let s = max(t) count t in tokens[2] of 0..3 : s == 1", "count t in tokens[2] of 0..3 : max(t) == 1\n"},
    {HEADER_M "let worst(t) = min{ margin(t, j) : j in 0..1 }\n", "forall t in tokens[1] of 0..3 prove 1 == 1", NULL},
    /* LayerNorm: live is what a statement means */
    {HEADER_P, "forall t in tokens[8] of 0..5 prove logits(patch(P, head(1, 0)[0] = node(P, head(1, 0), t)[0], ln = live), t)[0, 0] > -99",
     "forall t in tokens[8] of 0..5\nprove logits(patch(P, head(1, 0)[0] = node(P, head(1, 0), t)[0]), t)[0, 0] > -99\n"},
};

START_TEST(each_body)
{
    if (bodies[_i].canonical) {
        statement_is(bodies[_i].header, bodies[_i].written, bodies[_i].canonical);
        return;
    }
    struct claims c = {0};
    struct diag d;
    char text[2000];
    diag_init(&d);
    (void)snprintf(text, sizeof text, "claim c {\n%s\n}\n", bodies[_i].written);
    ck_assert_int_eq(claims_from_text(&c, bodies[_i].header, text, &d), STATUS_OK);   /* a function nobody calls is not looked at */
    claims_clear(&c);
    diag_clear(&d);
}
END_TEST

START_TEST(options)
{
    struct claims c = {0};
    struct diag d;
    diag_init(&d);
    const char *text = "claim a \"title \\\"x\\\" \xc3\xa9\" { prove 1 == 1 under float32 timeout 2.5 s engine separable expect refuted because \"why\" }\n"
                       "claim b { foreach a in {1/2, -3}, k in 0..1 prove a > k }\n";
    if (claims_from_text(&c, HEADER_M, text, &d) != STATUS_OK)
        fail_with(&d, text);
    const struct statement *s = c.statements;
    ck_assert_uint_eq(c.n_statements, 5);
    ck_assert_str_eq(s->title, "title \"x\" \xc3\xa9");
    ck_assert_str_eq(s->because, "why");
    ck_assert_str_eq(s->engine, "separable");
    ck_assert(s->semantics == SEMANTICS_FLOAT32 && s->has_expect && s->expect == VERDICT_REFUTED && s->timeout > 2.4 && s->timeout < 2.6);
    ck_assert_uint_eq(s->n_models, 0);
    ck_assert_str_eq(s->text, "weightproof-statement 1\nsemantics float32\nprove 1 == 1\n");
    ck_assert_uint_eq(s[4].n_foreach, 2);
    ck_assert_str_eq(s[4].foreach[0].name, "a");
    ck_assert(mpq_cmp_si(s[4].foreach[0].value, -3, 1) == 0 && mpq_cmp_si(s[4].foreach[1].value, 1, 1) == 0);
    ck_assert_str_eq(body_of(s[1].text), "prove 1/2 > 0\n");
    ck_assert_str_eq(body_of(s[4].text), "prove -3 > 1\n");
    claims_clear(&c);
    diag_clear(&d);
}
END_TEST

/* The example of the manual: every claim in it has its statement, or says why it cannot be decided today. */
START_TEST(language)
{
    struct claims c = {0};
    struct diag d;
    char *golden = NULL;
    size_t size = 0;
    struct text all;
    diag_init(&d);
    text_init(&all);
    if (claims_read(&c, "tests/data/claims/language.claims", NULL, &d) != STATUS_OK)
        fail_with(&d, "language.claims");
    for (size_t i = 0; i < c.n_statements; i++) {
        const struct statement *s = &c.statements[i];
        text_addf(&all, "%s%s%s\n%s\n", s->name, s->undecidable ? ": " : "", s->undecidable ? s->undecidable : "", s->text ? body_of(s->text) : "");
    }
    ck_assert_int_eq(file_read(&golden, &size, "tests/data/claims/language.statements", 1 << 20, &d), STATUS_OK);
    ck_assert_str_eq(all.data, golden);
    free(golden);
    text_clear(&all);
    claims_clear(&c);
    diag_clear(&d);
}
END_TEST

static void file_prints_back(const char *path)
{
    struct diag d;
    struct text once, twice;
    char *source = NULL;
    size_t size = 0;
    diag_init(&d);
    text_init(&once);
    text_init(&twice);
    ck_assert_int_eq(file_read(&source, &size, path, 1 << 20, &d), STATUS_OK);
    if (claims_parse_only(&once, path, source, size, &d) != STATUS_OK || claims_parse_only(&twice, "printed", once.data, once.size, &d) != STATUS_OK)
        fail_with(&d, path);
    ck_assert_str_eq(once.data, twice.data);
    text_clear(&once);
    text_clear(&twice);
    free(source);
    diag_clear(&d);
}

START_TEST(files_print_back)
{
    file_prints_back("tests/data/claims/language.claims");
    file_prints_back("tests/data/claims/small.claims");
    file_prints_back("tests/data/claims/everything.claims");
    file_prints_back("examples/max4.claims");
    file_prints_back("examples/backdoor.claims");
}
END_TEST

/* The example of the manual. */
START_TEST(manual)
{
    struct diag d;
    struct text out;
    char *page = NULL;
    size_t size = 0;
    diag_init(&d);
    text_init(&out);
    ck_assert_int_eq(file_read(&page, &size, "docs/claims.md", 1 << 20, &d), STATUS_OK);
    const char *from = strstr(page, "```claims\n"), *to = from ? strstr(from + 1, "\n```") : NULL;
    ck_assert(from && to);
    from = strchr(from, '\n') + 1;
    char *block = strndup(from, (size_t)(to + 1 - from));
    if (claims_parse_only(&out, "docs/claims.md", block, strlen(block), &d) != STATUS_OK)
        fail_with(&d, "docs/claims.md");
    ck_assert_ptr_nonnull(strstr(out.data, "claim box_property"));
    free(block);
    free(page);
    text_clear(&out);
    diag_clear(&d);
}
END_TEST

START_TEST(canonical_file)
{
    struct diag d;
    struct text out;
    char *source = NULL, *golden = NULL;
    size_t size = 0, golden_size = 0;
    diag_init(&d);
    text_init(&out);
    ck_assert_int_eq(file_read(&source, &size, "tests/data/claims/everything.claims", 1 << 20, &d), STATUS_OK);
    ck_assert_int_eq(file_read(&golden, &golden_size, "tests/data/claims/everything.canonical", 1 << 20, &d), STATUS_OK);
    if (claims_parse_only(&out, "everything", source, size, &d) != STATUS_OK)
        fail_with(&d, "everything.claims");
    ck_assert_str_eq(out.data, golden);
    text_clear(&out);
    free(source);
    free(golden);
    diag_clear(&d);
}
END_TEST

static const struct expr *find_form(const struct expr *e, enum form form)
{
    const struct expr *child, *found;
    if (e->form == form)
        return e;
    for (size_t i = 0; (child = expr_child(e, i)) != NULL; i++)
        if ((found = find_form(child, form)) != NULL)
            return found;
    return NULL;
}

START_TEST(slots_and_ids)
{
    struct claims c = {0};
    struct diag d;
    diag_init(&d);
    const char *text = "claim a { forall t in tokens[3] of 0..3 prove sum{ t[i] : i in 0..2 } >= sum{ t[j] : j in 0..2 } }\n"
                       "claim b { forall t in tokens[3] of 0..3 prove argmax(logits(M, t)[last]) == 0 }\n";
    if (claims_from_text(&c, HEADER_M, text, &d) != STATUS_OK)
        fail_with(&d, text);
    const struct statement *s = c.statements;
    ck_assert_uint_eq(s->n_slots, 3);
    bool used[3] = {false, false, false};
    expr_free_slots(used, 3, s->subject);
    ck_assert(used[0] && !used[1] && !used[2]);
    ck_assert(expr_uses_slot(s->subject, 1) && !expr_depends_on_network(s->subject));
    ck_assert(expr_depends_on_network(s[1].subject));
    ck_assert(expr_equal(s->subject->args[0], s->subject->args[1]));   /* up to the names of bound variables */
    ck_assert(!expr_equal(s->subject, s[1].subject));
    ck_assert_ptr_nonnull(find_form(s->subject, FORM_RANGE));
    ck_assert_ptr_nonnull(statement_model(&s[1], "M"));
    ck_assert_ptr_null(statement_model(&s[1], "N"));
    claims_clear(&c);
    diag_clear(&d);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("parse");
    TCase *t = tcase_create("Core");
    tcase_add_loop_test(t, each_predicate, 0, (int)(sizeof predicates / sizeof *predicates));
    tcase_add_loop_test(t, each_body, 0, (int)(sizeof bodies / sizeof *bodies));
    tcase_add_test(t, options);
    tcase_add_test(t, language);
    tcase_add_test(t, files_print_back);
    tcase_add_test(t, manual);
    tcase_add_test(t, canonical_file);
    tcase_add_test(t, slots_and_ids);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
