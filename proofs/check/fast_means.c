/* A changed model for the first looks (fast.h): means over sets are made from their rows. */
#include "fast.h"

/* Rows of means: by a network of their own, over the reals. */
struct quick_net { struct quick quick; struct fnet net; const struct net *of; bool wide, good; };

/* m 2^-F within rad 2^-F, at 2^-p */
static void enclose(struct num *x, int64_t m, int64_t rad, int F, unsigned p) {
    x->kind = K_REAL;
    x->tag = (struct tag){0};
    mpz_set_si(LO(x), m - rad);
    mpz_set_si(HI(x), m + rad);
    mpz_mul_2exp(LO(x), LO(x), p - (unsigned)F);
    mpz_mul_2exp(HI(x), HI(x), p - (unsigned)F);
}

static bool quick_row(struct quick *quick, const struct net *net, const int64_t *tokens, uint32_t n, int node, uint32_t i, unsigned p, struct num *out) {
    struct quick_net *q = (struct quick_net *)(void *)quick;
    if (q->of == NULL) {
        q->of = net;
        q->good = fnet_init(&q->net, net, false, q->wide, n, NULL, 0, NULL, NULL);
    }
    if (!q->good || q->of != net || q->net.n != n) return false;
    fnet_tokens(&q->net, tokens);
    const struct frow *r = fnet_row(&q->net, fnet_place(&q->net, node), i);
    if (r == NULL || r->F < 0 || (unsigned)r->F > p) return false;
    for (uint32_t j = 0; j < net->nodes[node].width; j++) enclose(&out[j], frow_at(r, j), frow_rad(r, j), r->F, p);
    return true;
}

/* Means by quick rows where they are available. */
bool fast_model(const struct fast *f, const struct ex *model, uint32_t n, struct patched *m) {
    struct eval *e = f->e;
    struct quick_net quick = {.quick = {quick_row}, .wide = f->wide};
    struct fail before = e->fail;
    e->quick = &quick.quick;
    bool good = get_model(e, model, n, m);
    e->quick = NULL;
    if (quick.of == NULL) return good;
    fnet_clear(&quick.net);
    if (good) return true;
    patched_clear(m);
    *m = (struct patched){0};
    e->fail = before;
    return get_model(e, model, n, m);
}
