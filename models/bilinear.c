/* Bilinear MLPs: every layer is (W_left x) o (W_right x), entry by entry. Layouts of the tensors:
 *   stacked   embed.weight, blocks.N.weight [2h, h] (left over right), head.weight
 *   pair      l/r/d, left/right/down, w_l/w_r/w_p of one layer or of layers N, and a head: head, w_u, unembed
 *   product   bilinear.weight [out, a, b] of torch.nn.Bilinear (bilinear_product.c)
 * A head straight after the product takes the place of the layer's down matrix. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/bilinear.h"
#include "models/family.h"

static const char *const embeds[] = { "embed.weight", "w_e", "embedding.weight", NULL };
static const char *const heads[] = { "head.weight", "w_u", "unembed.weight", "output.weight", NULL };
static const char *const stems[][3] = { { "l", "r", "d" }, { "left", "right", "down" }, { "w_l", "w_r", "w_p" }, { "w_l", "w_r", "w_d" }, { "L", "R", "D" }, { "W_l", "W_r", "W_d" } };
enum { N_STEMS = sizeof stems / sizeof *stems };
static const char *const residual_keys[] = { "residual", NULL };
static const char *const scale_keys[] = { "residual_scale", NULL };
static const char *const gate_keys[] = { "gate", NULL };
static const char *const known[] = { "residual", "residual_scale", "gate", NULL };

struct layer_names { struct node_name left, right, down, stacked; };
struct residual { bool on, lerp; double scale; };

/* "", "blocks.3.", "layers.3.": before the names of one layer. */
static struct node_name before(const char *stem, size_t layer) { return *stem ? node_named("%s.%zu.", stem, layer) : node_named("%s", ""); }
static const char *const groups[] = { "", "blocks", "layers" };

static const struct tensor *find_in(const struct checkpoint *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return &c->tensors[i];
    return NULL;
}

/* A matrix with or without `.weight` behind its name. */
static bool matrix_name(struct node_name *out, const struct checkpoint *c, const char *prefix, const char *stem)
{
    *out = node_named("%s%s.weight", prefix, stem);
    if (find_in(c, out->s))
        return true;
    *out = node_named("%s%s", prefix, stem);
    return find_in(c, out->s) != NULL;
}

/* The names of layer `layer` of a group; false: there is no such layer. */
static bool layer_names(struct layer_names *n, const struct checkpoint *c, const char *group, size_t layer)
{
    struct node_name p = before(group, layer);

    *n = (struct layer_names){ .down = { "" } };
    n->stacked = node_named("%sweight", p.s);
    if (*group && find_in(c, n->stacked.s))
        return true;
    n->stacked.s[0] = '\0';
    for (size_t i = 0; i < N_STEMS; i++)
        if (matrix_name(&n->left, c, p.s, stems[i][0]) && matrix_name(&n->right, c, p.s, stems[i][1])) {
            if (!matrix_name(&n->down, c, p.s, stems[i][2]))
                n->down.s[0] = '\0';
            return true;
        }
    return false;
}

static const char *group_of(const struct checkpoint *c)
{
    struct layer_names n;

    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        if (layer_names(&n, c, groups[g], 0))
            return groups[g];
    return NULL;
}

bool bilinear_recognises(const struct checkpoint *c)
{
    const char *group = group_of(c);
    struct layer_names n;

    if (find_in(c, "bilinear.weight"))
        return true;
    if (!group || !layer_names(&n, c, group, 0))
        return false;
    return !n.stacked.s[0] || (find_in(c, "embed.weight") && find_in(c, "head.weight"));
}

/* name.bias of NAME.weight, b_x of w_x; "" if there is none. */
static struct node_name bias_name(const struct reading *r, const char *weight)
{
    size_t n = strlen(weight);
    struct node_name b = node_named("%s", weight);

    if (n > 7 && strcmp(weight + n - 7, ".weight") == 0)
        b = node_named("%.*s.bias", (int)(n - 7), weight);
    else if (n > 2 && strncmp(weight, "w_", 2) == 0)
        b.s[0] = 'b';
    else if (strcmp(weight, "weight") == 0)
        b = node_named("bias");
    if (strcmp(b.s, weight) == 0 || !reading_find(r, b.s))
        b.s[0] = '\0';
    return b;
}

size_t piece_add(struct reading *r, const struct piece *p, size_t x)
{
    size_t W = netbuild_cut(&r->b, node_named("%sW%s", p->before, p->after).s, view_transposed(p->W)), b = NETBUILD_NONE;

    if (p->has_bias)
        b = netbuild_cut(&r->b, node_named("%sb%s", p->before, p->after).s, p->bias);
    return netbuild_linear(&r->b, p->node, x, W, b);
}

enum status piece_take(struct piece *p, struct reading *r, const char *name, size_t width)
{
    struct node_name bias = bias_name(r, name);
    enum status s = reading_take(&p->W, r, name, 2);

    if (s != STATUS_OK)
        return s;
    if (width && p->W.shape[1] != width)
        return reading_fail(r, "tensor '%s' has shape [%zu, %zu], [out, %zu] is needed", name, p->W.shape[0], p->W.shape[1], width);
    p->has_bias = bias.s[0] != '\0';
    return p->has_bias ? reading_take_shape(&p->bias, r, bias.s, 1, &p->W.shape[0], "out") : STATUS_OK;
}

/* The two factors of a layer, cut from one stacked matrix or read from two. */
static enum status factors(struct piece *left, struct piece *right, struct reading *r, const struct layer_names *n, size_t width)
{
    enum status s;
    size_t h;

    if (!n->stacked.s[0]) {
        s = piece_take(left, r, n->left.s, width);
        if (s == STATUS_OK)
            s = piece_take(right, r, n->right.s, left->W.shape[1]);
        if (s == STATUS_OK && left->W.shape[0] != right->W.shape[0])
            s = reading_fail(r, "tensor '%s' has %zu rows, '%s' has %zu", n->left.s, left->W.shape[0], n->right.s, right->W.shape[0]);
        return s;
    }
    if ((s = piece_take(left, r, n->stacked.s, width)) != STATUS_OK)
        return s;
    if (left->W.shape[0] % 2)
        return reading_fail(r, "tensor '%s' has %zu rows, an even number is needed (left over right)", n->stacked.s, left->W.shape[0]);
    h = left->W.shape[0] / 2;
    right->W = view_rows(left->W, h, h);
    left->W = view_rows(left->W, 0, h);
    right->has_bias = left->has_bias;
    if (left->has_bias) {
        right->bias = view_rows(left->bias, h, h);
        left->bias = view_rows(left->bias, 0, h);
    }
    return STATUS_OK;
}

static enum status gate(int *act, struct reading *r)
{
    const char *how, *word;
    enum status s = reading_word(&word, &how, r, gate_keys);

    *act = (int)ACTIVATION_NONE;
    if (s != STATUS_OK)
        return s;
    if (!word)
        return reading_fact(r, "gate", "assumed (override with --set gate=WORD)", "none");
    s = reading_activation_word(act, r, "gate", word, how);
    return s == STATUS_OK ? reading_fact(r, "gate", how, "%s", word) : s;
}

static enum status residual_scale(struct residual *out, struct reading *r)
{
    const char *how;
    enum status s = reading_number(&out->scale, &how, r, scale_keys);

    if (s != STATUS_OK)
        return s;
    if (isnan(out->scale))
        return reading_ask(r, out->lerp ? "the tensors do not tell s of (1 - s) x + s f(x): say --set residual_scale=S"
                                        : "the tensors do not tell s of x + s f(x): say --set residual_scale=S (1 for x + f(x))");
    return reading_fact(r, "residual_scale", how, "%.17g", out->scale);
}

/* Do layers add to what they read? by_layout: this layout has no residual path by its definition. */
static enum status residual(struct residual *out, struct reading *r, bool by_layout)
{
    const char *how, *word;
    const cJSON *value = reading_value(&how, r, residual_keys);
    enum status s;

    *out = (struct residual){ .on = false };
    if ((!value || cJSON_IsNull(value)) && by_layout)
        return reading_fact(r, "residual", "by the layout, a head reads the product (override with --set residual=add)", "none");
    if (!value || cJSON_IsNull(value))
        return reading_ask(r, "the tensors do not tell whether a layer adds to what it reads: say --set residual=none, add (x + s f(x)) or lerp ((1 - s) x + s f(x))");
    word = cJSON_IsString(value) ? value->valuestring : cJSON_IsTrue(value) ? "add" : cJSON_IsFalse(value) ? "none" : "";
    if (strcmp(word, "none") != 0 && strcmp(word, "add") != 0 && strcmp(word, "lerp") != 0)
        return reading_fail(r, "residual is neither false, true, none, add nor lerp (%s)", how);
    out->on = strcmp(word, "none") != 0;
    out->lerp = strcmp(word, "lerp") == 0;
    s = reading_fact(r, "residual", how, "%s", word);
    return s == STATUS_OK && out->on ? residual_scale(out, r) : s;
}

/* x + s y, or x + s (y - x), s a sum of binary32 numbers. */
static size_t add_residual(struct reading *r, size_t layer, const struct residual *how, size_t x, size_t y)
{
    struct netbuild *b = &r->b;
    size_t terms[4] = { x }, n;
    double parts[3];

    if (how->lerp)
        y = netbuild_two(b, node_named("blocks.%zu.change", layer).s, OP_SUB, y, x);
    if (how->scale == 1)
        return netbuild_two(b, node_named("blocks.%zu.post", layer).s, OP_ADD, x, y);
    n = reading_split(parts, how->scale);
    for (size_t i = 0; i < n; i++) {
        size_t scale = netbuild_fill(b, node_named("blocks.%zu.scale.%zu", layer, i).s, parts[i], netbuild_width(b, y));
        scale = netbuild_constant(b, node_named("blocks.%zu.residual_scale.%zu", layer, i).s, scale);
        terms[i + 1] = netbuild_two(b, node_named("blocks.%zu.scaled.%zu", layer, i).s, OP_MUL, y, scale);
    }
    return netbuild_add(b, (struct netbuild_node){ .name = node_named("blocks.%zu.post", layer).s, .op = OP_ADD, .inputs = terms, .n_inputs = n + 1 });
}

struct bilinear { struct reading *r; const char *group, *head; size_t layers; int gate; struct residual residual; bool asked; };

/* The settings that the first layer that could have a residual path asks for. */
static enum status ask_residual(struct bilinear *m, bool possible, bool by_layout)
{
    if (m->asked || !possible)
        return STATUS_OK;
    m->asked = true;
    return residual(&m->residual, m->r, by_layout);
}

static size_t product(struct bilinear *m, size_t i, const struct piece *left, const struct piece *right, size_t x, bool last)
{
    size_t l = piece_add(m->r, left, x), g = reading_activate(m->r, node_named("blocks.%zu.gate", i).s, m->gate, l);

    return netbuild_two(&m->r->b, last ? "output" : node_named("blocks.%zu.mul", i).s, OP_MUL, g, piece_add(m->r, right, x));
}

static size_t layer(struct bilinear *m, size_t i, size_t x, enum status *s)
{
    struct reading *r = m->r;
    struct layer_names n;
    struct node_name in = node_named("blocks.%zu.", i), l = node_named("%sleft", in.s), rt = node_named("%sright", in.s), dn = node_named("%sdown", in.s);
    struct piece left = { .node = l.s, .before = in.s, .after = "_left" }, right = { .node = rt.s, .before = in.s, .after = "_right" },
                 down = { .node = dn.s, .before = in.s, .after = "_down" };
    size_t width = r->b.net.width_in ? netbuild_width(&r->b, x) : 0, y;
    bool end = i + 1 == m->layers && !m->head, residual_here;

    if (!layer_names(&n, &r->model->checkpoint, m->group, i)) {
        *s = reading_fail(r, "the tensors of layer %zu are missing", i);
        return 0;
    }
    if ((*s = factors(&left, &right, r, &n, width)) != STATUS_OK || (n.down.s[0] && (*s = piece_take(&down, r, n.down.s, left.W.shape[0])) != STATUS_OK))
        return 0;
    residual_here = left.W.shape[1] == (n.down.s[0] ? down.W.shape[0] : left.W.shape[0]);
    if ((*s = ask_residual(m, residual_here, !n.down.s[0] && !n.stacked.s[0] && m->layers == 1)) != STATUS_OK || r->questions.size)
        return 0;
    if (m->residual.on && !residual_here) {
        *s = reading_fail(r, "layer %zu gives %zu numbers and reads %zu: it cannot add to what it reads (residual=none)", i,
                          n.down.s[0] ? down.W.shape[0] : left.W.shape[0], left.W.shape[1]);
        return 0;
    }
    if (!width) {
        r->b.net.width_in = left.W.shape[1];
        x = netbuild_input(&r->b);
    }
    if (end && n.down.s[0] && !m->residual.on)
        down.node = "output", down.before = "head.", down.after = "";
    y = product(m, i, &left, &right, x, end && !n.down.s[0] && !m->residual.on);
    if (n.down.s[0])
        y = piece_add(r, &down, y);
    return m->residual.on ? add_residual(r, i, &m->residual, x, y) : y;
}

static size_t count_layers(const struct checkpoint *c, const char *group)
{
    struct layer_names n;
    size_t i = 1;

    while (*group && layer_names(&n, c, group, i))
        i++;
    return i;
}

static enum status layers(struct bilinear *m)
{
    struct reading *r = m->r;
    struct piece embed = { .node = "embed", .before = "embed.", .after = "" }, head = { .node = "output", .before = "head.", .after = "" };
    const char *name = reading_first(r, embeds);
    enum status s = gate(&m->gate, r);
    size_t x = 0;

    if (s == STATUS_OK && name && (s = piece_take(&embed, r, name, 0)) == STATUS_OK) {
        r->b.net.width_in = embed.W.shape[1];
        x = piece_add(r, &embed, netbuild_input(&r->b));
    }
    for (size_t i = 0; s == STATUS_OK && !r->questions.size && i < m->layers; i++)
        x = layer(m, i, x, &s);
    if (s == STATUS_OK && m->head && !r->questions.size) {
        s = piece_take(&head, r, m->head, netbuild_width(&r->b, x));
        x = s == STATUS_OK ? piece_add(r, &head, x) : 0;
    }
    return s == STATUS_OK ? reading_done(r, x, known) : s;
}

static enum status build(struct reading *r)
{
    struct bilinear m = { .r = r, .group = group_of(&r->model->checkpoint), .head = reading_first(r, heads) };

    if (reading_find(r, "bilinear.weight"))
        return bilinear_product(r);
    if (!m.group)
        return reading_fail(r, "there is no bilinear layer (blocks.0.weight, l.weight and r.weight, left.weight and right.weight, w_l and w_r, bilinear.weight)");
    m.layers = count_layers(&r->model->checkpoint, m.group);
    return layers(&m);
}

enum status bilinear_load(struct model *m, const struct config *c, struct diag *d) { return reading_load(m, c, "bilinear", build, d); }
