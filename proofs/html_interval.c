/* html_interval.c: what the certified interval of a count, an average or an optimum says, and the fraction of a count as a bar. */
#include <math.h>
#include "proofs/html_report.h"
#include "proofs/interval.h"
#include "proofs/write.h"

#define WIDTH 640
#define LEFT 12

static void part(struct text *out, double from, double to, const char *fill, const char *what)
{
    if (!(to > from)) return;
    text_addf(out, "<rect x='%.2f' y='6' width='%.2f' height='20' fill='%s'><title>%s, from %.9g to %.9g</title></rect>", LEFT + from * WIDTH, fmax((to - from) * WIDTH, 0.5), fill, what, from, to);
}

/* From 0 to 1: certainly true, left open, certainly false. */
static void bar(struct text *out, const struct outcome *o)
{
    mpq_t lo, hi;
    mpq_inits(lo, hi, NULL);
    outcome_fraction(lo, hi, o);
    double a = mpq_get_d(lo), b = mpq_get_d(hi);
    text_addf(out, "<figure><svg role='img' width='%d' height='46' viewBox='0 0 %d 46' font-size='11'><title>the fraction, from 0 to 1</title>", WIDTH + 2 * LEFT, WIDTH + 2 * LEFT);
    part(out, 0, a, "#2166ac", "true");
    part(out, a, b, "#b8bfc8", "open");
    part(out, b, 1, "#b2182b", "false");
    for (int i = 0; i <= 10; i++) text_addf(out, "<text x='%.1f' y='41' text-anchor='middle' class='ax'>%.3g</text>", LEFT + i / 10.0 * WIDTH, i / 10.0);
    text_add(out, "</svg><figcaption><span class='pos'>blue</span> the fraction for which it is certainly true, <span class='neg'>red</span> certainly false, grey left open</figcaption></figure>\n");
    mpq_clears(lo, hi, NULL);
}

static void say_count(struct text *out, const struct outcome *o, bool float32)
{
    mpz_t open;
    mpz_init(open);
    mpz_sub(open, o->number_hi, o->number_lo);
    text_add(out, "<p class='soft'>");
    if (mpz_sgn(open) == 0) text_add(out, float32 ? "Exact: on every input all binary32 executions agree." : "Exact: every input is decided.");
    else {
        write_integer(out, o->number_lo);
        text_add(out, float32 ? " inputs make it true in every binary32 execution; for " : " inputs make it true; for ");
        write_integer(out, open);
        text_add(out, float32 ? " more that is not certain, as their margin is inside the certified error, or the bounds do not tell: they are counted apart. All others make it false in every execution."
                              : " more it is left open: the bounds do not tell, or there are ties that no precision settles. All others make it false.");
    }
    if (mpz_cmp(o->total_lo, o->total_hi) != 0) text_add(out, " How many inputs satisfy the condition is itself an interval.");
    text_add(out, "</p>\n");
    mpz_clear(open);
}

void html_interval(struct text *out, const struct result *r)
{
    const struct outcome *o = &r->outcome;
    bool float32 = r->statement->semantics == SEMANTICS_FLOAT32;
    if (r->answer || r->evidence == EVIDENCE_NONE || r->verdict == VERDICT_VACUOUS || o->proposal != PROPOSAL_INTERVAL) return;
    switch (r->statement->body) {
    case BODY_COUNT:
        if (mpz_sgn(o->total_lo) <= 0) return;
        say_count(out, o, float32);
        bar(out, o);
        return;
    case BODY_AVERAGE:
        text_addf(out, "<p class='soft'>The mean over all inputs%s lies between these two numbers.</p>\n", float32 ? ", in every binary32 execution," : "");
        return;
    case BODY_MINIMIZE:
    case BODY_MAXIMIZE: {
        bool least = r->statement->body == BODY_MINIMIZE;
        text_addf(out, "<p class='soft'>No input has a %s value than the %s of these two numbers%s; the input below has a value no %s than the other.</p>\n", least ? "smaller" : "larger", least ? "first" : "second",
                  float32 ? ", in any binary32 execution" : "", least ? "larger" : "smaller");
        return;
    }
    default: return;
    }
}
