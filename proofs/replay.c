/* The PyTorch lines that replay a claim's failing inputs: the network written out node by node from its graph. */
#include <stdlib.h>
#include <string.h>
#include "proofs/failures.h"
#include "proofs/replay_file.h"
#include "proofs/write.h"

static void weight(struct text *out, const struct net *net, const struct weight *w) {
    text_addf(out, "W[\"%s\"]", net->tensors[w->tensor].name);
    if (w->slice >= 0) text_addf(out, "[%ld]", w->slice);
}

static void value(struct text *out, const struct net *net, size_t node) { text_addf(out, "v[\"%s\"]", net->nodes[node].name); }

static void bias(struct text *out, const struct net *net, const struct node *n, size_t from) {
    if (n->n_w <= from) return;
    text_add(out, " + ");
    weight(out, net, &n->w[from]);
}

static void call(struct text *out, const struct net *net, const struct node *n, const char *function, const char *rest) {
    text_add(out, function);
    value(out, net, n->inputs[0]);
    text_add(out, rest);
}

static void layernorm(struct text *out, const struct net *net, const struct node *n) {
    call(out, net, n, "F.layer_norm(", "");
    text_addf(out, ", (%zu,), ", n->width);
    if (n->n_w == 2) {
        weight(out, net, &n->w[0]);
        text_add(out, ", ");
        weight(out, net, &n->w[1]);
    } else {
        text_add(out, "None, None");
    }
    text_addf(out, ", %.17g)", net->eps);
}

static void sum(struct text *out, const struct net *net, const struct node *n) {
    for (size_t i = 0; i < n->n_inputs; i++) {
        text_add(out, i ? " + " : "");
        value(out, net, n->inputs[i]);
    }
}

static void product(struct text *out, const struct net *net, const struct node *n) {
    value(out, net, n->inputs[0]);
    text_add(out, " @ ");
    value(out, net, n->inputs[1]);
}

static void list(struct text *out, const struct net *net, const struct node *n, const char *before, const char *between, const char *after) {
    text_add(out, before);
    for (size_t i = 0; i < n->n_inputs; i++) {
        text_add(out, i ? between : "");
        value(out, net, n->inputs[i]);
    }
    text_add(out, after);
}

static void matmul(struct text *out, const struct net *net, const struct node *n) {
    const size_t *d = n->arg;
    text_add(out, "(");
    value(out, net, n->inputs[0]);
    text_addf(out, ".unflatten(-1, (%zu, %zu, %zu)) @ ", d[0], d[1], d[2]);
    value(out, net, n->inputs[1]);
    text_addf(out, ".unflatten(-1, (%zu, %zu, %zu))).flatten(-3)", d[0], d[2], d[3]);
}

static void rmsnorm(struct text *out, const struct net *net, const struct node *n) {
    value(out, net, n->inputs[0]);
    text_add(out, " / (");
    value(out, net, n->inputs[0]);
    text_addf(out, ".pow(2).mean(-1, keepdim=True) + %.17g).sqrt()", net->eps);
    if (n->n_w) text_add(out, " * ");
    if (n->n_w) weight(out, net, &n->w[0]);
}

static void line(struct text *out, const struct net *net, const struct node *n) {
    text_addf(out, "    v[\"%s\"] = ", n->name);
    switch (n->op) {
    case OP_EMBED: weight(out, net, &n->w[0]); text_add(out, "[t]"); break;
    case OP_POSITION: weight(out, net, &n->w[0]); text_add(out, "[:n].expand(len(t), -1, -1)"); break;
    case OP_ADD: sum(out, net, n); break;
    case OP_HEADS: sum(out, net, n); bias(out, net, n, 0); break;
    case OP_LINEAR: value(out, net, n->inputs[0]); text_add(out, " @ "); weight(out, net, &n->w[0]); bias(out, net, n, 1); break;
    case OP_LAYERNORM: layernorm(out, net, n); break;
    case OP_SCORE:
        text_add(out, "(");
        product(out, net, n);
        text_addf(out, ".transpose(-1, -2) / %zu ** 0.5)%s", n->arg[0], net->causal || net->pad >= 0 ? ".masked_fill(hidden, float(\"-inf\"))" : "");
        break;
    case OP_SOFTMAX: call(out, net, n, "", net->pad >= 0 ? ".softmax(-1).nan_to_num(0)" : ".softmax(-1)"); break;
    case OP_MIX: product(out, net, n); break;
    case OP_RELU: call(out, net, n, "torch.relu(", ")"); break;
    case OP_GELU: call(out, net, n, "F.gelu(", ")"); break;
    case OP_GELU_NEW: call(out, net, n, "F.gelu(", ", approximate=\"tanh\")"); break;
    case OP_SILU: call(out, net, n, "F.silu(", ")"); break;
    case OP_INPUT: text_add(out, "t"); break;
    case OP_ROW: value(out, net, n->inputs[0]); text_addf(out, "[:, %zu:%zu].expand(-1, n, -1)", n->arg[0], n->arg[0] + 1); break;
    case OP_SELECT: value(out, net, n->inputs[0]); text_add(out, "[..., "); weight(out, net, &n->w[0]); text_add(out, ".long()]"); break;
    case OP_CONCAT: list(out, net, n, "torch.cat([", ", ", "], -1)"); break;
    case OP_CONSTANT: weight(out, net, &n->w[0]); text_add(out, ".expand(len(t), n, -1)"); break;
    case OP_SUB: list(out, net, n, "", " - ", ""); break;
    case OP_MUL: list(out, net, n, "", " * ", ""); break;
    case OP_DIV: list(out, net, n, "", " / ", ""); break;
    case OP_MAX: list(out, net, n, "torch.maximum(", ", ", ")"); break;
    case OP_MIN: list(out, net, n, "torch.minimum(", ", ", ")"); break;
    case OP_EXP: call(out, net, n, "torch.exp(", ")"); break;
    case OP_SQRT: call(out, net, n, "torch.sqrt(", ")"); break;
    case OP_ERF: call(out, net, n, "torch.erf(", ")"); break;
    case OP_TANH: call(out, net, n, "torch.tanh(", ")"); break;
    case OP_SIGMOID: call(out, net, n, "torch.sigmoid(", ")"); break;
    case OP_JUMPRELU: value(out, net, n->inputs[0]); text_add(out, " * ("); value(out, net, n->inputs[0]); text_add(out, " > ");
        weight(out, net, &n->w[0]); text_add(out, ")"); break;
    case OP_TOPK:   /* stable: of equal entries the earlier ones stay */
        call(out, net, n, "", " * (");
        call(out, net, n, "", "");
        text_addf(out, ".argsort(-1, descending=True, stable=True).argsort(-1) < %zu)", n->arg[0]);
        break;
    case OP_ROWSOFTMAX: call(out, net, n, "", ""); text_addf(out, ".unflatten(-1, (-1, %zu)).softmax(-1).flatten(-2)", n->arg[0]); break;
    case OP_MAXPOOL: value(out, net, n->inputs[0]); text_add(out, "[..., "); weight(out, net, &n->w[0]); text_add(out, ".long()].amax(-1)"); break;
    case OP_MATMUL: matmul(out, net, n); break;
    case OP_RMSNORM: rmsnorm(out, net, n); break;
    case OP_BILINEAR: list(out, net, n, "(", " * ", ")"); if (net->causal || net->pad >= 0) text_add(out, ".masked_fill(hidden, 0)"); break;
    case OP_COUNT: break;
    }
    text_add(out, "\n");
}

/* Does the file hold every tensor of the network under its own name and shape, and load without executing anything? */
bool replay_plain(const struct model *m) {
    for (size_t i = 0; i < m->checkpoint.n_facts; i++)
        if (strcmp(m->checkpoint.facts[i].key, "pickled module") == 0) return false;
    for (size_t i = 0; i < m->net.n_tensors; i++) {
        const struct tensor *a = &m->net.tensors[i], *b = NULL;
        for (size_t k = 0; k < m->checkpoint.n && !b; k++)
            if (strcmp(m->checkpoint.tensors[k].name, a->name) == 0) b = &m->checkpoint.tensors[k];
        if (!b || a->rank != b->rank || memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) != 0) return false;
    }
    return m->checkpoint.n > 0;
}

/* A checkpoint may hold a configuration object beside its tensors, which weights_only refuses: it is passed over then, and no code of the file runs. */
static const char torch_loader[] =
    "\n\nclass Tensors(pickle.Unpickler):\n"
    "    \"\"\"Of a checkpoint with other objects beside its tensors: those become empty ones, and nothing of theirs is run.\"\"\"\n\n"
    "    def find_class(self, module, name):\n"
    "        if (module, name) == (\"collections\", \"OrderedDict\") or (module == \"torch\" and name.endswith(\"Storage\")) or (\n"
    "                module == \"torch._utils\" and name in (\"_rebuild_tensor_v2\", \"_rebuild_parameter\")):\n"
    "            return super().find_class(module, name)\n"
    "        return type(name, (), {\"__new__\": lambda cls, *a, **k: object.__new__(cls), \"__init__\": lambda self, *a, **k: None, \"__setstate__\": lambda self, state: None})\n\n\n"
    "class Passing:\n    Unpickler, load = Tensors, staticmethod(lambda f, **k: Tensors(f, **k).load())\n\n\n"
    "def checkpoint(path):\n"
    "    try:\n        return torch.load(path, map_location=\"cpu\", weights_only=True)\n"
    "    except pickle.UnpicklingError:\n        return torch.load(path, map_location=\"cpu\", weights_only=False, pickle_module=Passing)\n\n";

static bool by_torch(const struct model *m) {
    return replay_plain(m) && strcmp(m->checkpoint.format, "safetensors") != 0 && strcmp(m->checkpoint.format, "npz") != 0;
}

static void loader(struct text *out, const struct bound_model *b, size_t index) {
    const struct model *m = &b->model;
    if (!replay_plain(m)) {
        replay_net(out, b, index);
        return;
    }
    char *whole = realpath(b->path, NULL); /* the script runs from anywhere */
    text_addf(out, "\nFILE_%s = sys.argv[%zu] if len(sys.argv) > %zu else ", b->name, index + 1, index + 1);
    write_json_string(out, whole ? whole : b->path);
    free(whole);
    text_addf(out, "   # sha256 %s\n", m->file_sha256);
    if (strcmp(m->checkpoint.format, "safetensors") == 0) {
        text_addf(out, "from safetensors.torch import load_file\nW_%s = load_file(FILE_%s)\n", b->name, b->name);
    } else if (strcmp(m->checkpoint.format, "npz") == 0) {
        text_addf(out, "W_%s = {k: torch.from_numpy(v.astype(v.dtype.newbyteorder(\"=\"))) for k, v in np.load(FILE_%s).items() if v.dtype.kind in \"fiub\"}\n", b->name, b->name);
    } else {
        text_addf(out, "W_%s = checkpoint(FILE_%s)\n", b->name, b->name);
        text_addf(out, "W_%s = next((W_%s[k] for k in (\"model\", \"state_dict\", \"model_state_dict\", \"model_state\", \"net\", \"network\", \"params\", \"weights\") if k in W_%s), W_%s)\n", b->name, b->name,
                  b->name, b->name);
    }
    if (m->prefix) text_addf(out, "W_%s = {k[%zu:]: v for k, v in W_%s.items()}\n", b->name, strlen(m->prefix), b->name);
}

static void network(struct text *out, const struct bound_model *b) {
    const struct net *net = &b->model.net;
    text_addf(out, "\n\ndef run_%s(t, dtype):\n    \"\"\"Every activation on the %s.\"\"\"\n", b->name,
              net->width_in ? "inputs t [batch, rows, numbers]" : "sequences t [batch, n]");
    if (net->width_in) text_add(out, "    t = t.to(dtype)\n");
    text_addf(out, "    W = {k: x.to(dtype) for k, x in W_%s.items()}\n    v, n = {}, t.shape[1]\n", b->name);
    if (net->causal) text_add(out, "    hidden = torch.ones(n, n).triu(1).bool()\n");
    if (net->pad >= 0) text_addf(out, "    hidden = (t == %ld)[:, None, :]%s\n", net->pad, net->causal ? " | hidden" : "");
    for (size_t i = 0; i < net->n_nodes; i++) line(out, net, &net->nodes[i]);
    if (strcmp(net->nodes[net->output].name, "logits") != 0) text_addf(out, "    v[\"logits\"] = v[\"%s\"]\n", net->nodes[net->output].name);
    text_add(out, "    return v\n\n");
}

/* A vector of real numbers, of every failing input. */
static void vectors_of(struct text *out, const struct binding *rows, size_t n, size_t part) {
    text_addf(out, "%s = torch.tensor([[float(Fraction(a)) for a in row.split(\",\") if a] for row in [", rows[0].parts[part].name);
    for (size_t k = 0; k < n; k++) text_addf(out, "%s\"%s\"", k ? ", " : "", rows[k].parts[part].vector);
    text_add(out, "]], dtype=torch.float64)   # the quotes hold them exactly\n");
}

static void rows_of(struct text *out, const struct result *r, const struct binding *b, size_t n, bool complete) {
    size_t from = 0;
    bool tokens = false;
    for (size_t i = 0; i < b->n_parts; i++) tokens = tokens || !b->parts[i].vector;
    if (tokens) text_addf(out, "\nrows = torch.from_numpy(np.load(os.path.join(HERE, \"%s.npy\")))   # %zu, %s\n", r->file_label, n, complete ? "all there are" : "there may be more");
    for (size_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].vector) vectors_of(out, b, n, i);
        else if (b->parts[i].is_int) text_addf(out, "%s = rows[:, %zu]\n", b->parts[i].name, from);
        else text_addf(out, "%s = rows[:, %zu:%zu]\n", b->parts[i].name, from, from + b->parts[i].n);
        from += b->parts[i].n;
    }
}

/* The outputs at vectors of real numbers. */
static void shows_vector(struct text *out, const char *model, const char *name) {
    text_addf(out, "\nfor dtype in (torch.float64, torch.float32):\n    outputs = run_%s(%s[:, None, :], dtype)[\"logits\"][:, -1]\n", model, name);
    text_addf(out, "    for k in range(min(len(%s), 10)):\n        print(\"%s\", \"%s\", dtype, %s[k].tolist(), \"outputs\", outputs[k].tolist())\n", name, model, name, name);
}

static void shows(struct text *out, const struct statement *s, const struct binding *b) {
    for (size_t m = 0; m < s->n_models; m++)
        for (size_t i = 0; i < b->n_parts; i++) {
            const char *model = s->file->models[s->models[m]].name, *name = b->parts[i].name;
            bool reals = s->file->models[s->models[m]].model.net.width_in > 0;
            if (reals && b->parts[i].vector) shows_vector(out, model, name);
            if (b->parts[i].is_int || b->parts[i].vector || reals) continue;
            text_addf(out, "\n# Shown are the logits; run_%s(%s, torch.float64)[NAME] is any other node, by the names that `weightproof info` lists.", model, name);
            text_addf(out, "\nfor dtype in (torch.float64, torch.float32):\n    logits = run_%s(%s, dtype)[\"logits\"]\n", model, name);
            text_addf(out, "    print(\"%s\", \"%s\", dtype)\n    for k in range(min(len(rows), 10)):\n", model, name);
            text_addf(out, "        top = logits[k, -1].topk(min(2, logits.shape[-1]))\n"
                           "        print(rows[k].tolist(), \"answers at every position\", logits[k].argmax(-1).tolist(),\n"
                           "              \"| last position: largest logits\", top.values.tolist(), \"of\", top.indices.tolist())\n");
        }
}

/* The rows of a data array that the binder ranges over are inputs of a model of real inputs: its outputs there. */
static void shows_rows(struct text *out, const struct statement *s, const struct binding *b) {
    const struct binds *binds = s->body == BODY_PROVE ? &s->forall : &s->binds;
    for (size_t i = 0; i < b->n_parts && i < binds->n; i++) {
        const struct expr *set = binds->items[i].set;
        const struct data_array *x = set->form == FORM_SET_CALL && set->args[0]->name ? statement_data(s, set->args[0]->name) : NULL;
        for (size_t m = 0; m < s->n_models && x && x->rank == 2; m++) {
            const struct bound_model *model = &s->file->models[s->models[m]];
            if (model->model.net.width_in != x->shape[1]) continue;
            text_addf(out, "\n# Shown are the outputs on rows of %s; run_%s(...)[NAME] is any other node, by the names that `weightproof info` lists.", set->args[0]->name, model->name);
            text_addf(out, "\nfor dtype in (torch.float64, torch.float32):\n    outputs = run_%s(%s[%s][:, None, :], dtype)[\"logits\"][:, -1]\n", model->name, set->args[0]->name, b->parts[i].name);
            text_addf(out, "    print(\"%s\", \"%s\", dtype)\n    for k in range(min(len(rows), 10)):\n"
                           "        top = outputs[k].topk(min(2, outputs.shape[-1]))\n"
                           "        print(rows[k].tolist(), \"largest outputs\", top.values.tolist(), \"of\", top.indices.tolist())\n", model->name, set->args[0]->name);
        }
    }
}

static void readers(struct text *out, const struct statement *s) {
    bool nets = false, arrays = false;
    for (size_t i = 0; i < s->n_models; i++) nets = nets || !replay_plain(&s->file->models[s->models[i]].model);
    for (size_t i = 0; i < s->n_data; i++) arrays = arrays || replay_needs_array(&s->file->data[s->data[i]]);
    replay_readers(out, nets, arrays);
}

static bool is_unchanged(const struct expr *e, void *unused) {
    (void)unused;
    return !expr_is_intervention(e) && !expr_calls(e, FUNCTION_TRUNCATE);
}

static bool changes_network(const struct statement *s) {
    const struct expr *parts[] = {s->subject, s->where, s->forall_where};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] && !expr_walk(parts[i], is_unchanged, NULL)) return true;
    return false;
}

enum status replay_write(struct text *out, const struct result *r, const struct binding *rows, size_t n, bool complete) {
    const struct statement *s = r->statement;
    text_addf(out, "# Replays the failing inputs of the claim '%s' (statement %s).\n#\n", r->label, s->sha256);
    for (const char *p = s->text; *p;) {
        size_t size = strcspn(p, "\n");
        text_addf(out, "# %.*s\n", (int)size, p);
        p += size + (p[size] == '\n');
    }
    text_add(out, "import sys\n\nsys.path.pop(0)   # this folder, where a file may have the name of a module\n\nimport os\nimport pickle\nfrom fractions import Fraction\n\nimport numpy as np\nimport torch\nimport torch.nn.functional as F\n\nHERE = os.path.dirname(os.path.abspath(__file__))\n");
    readers(out, s);
    bool torch = false;
    for (size_t i = 0; i < s->n_models; i++) torch = torch || by_torch(&s->file->models[s->models[i]].model);
    if (torch) text_add(out, torch_loader);
    for (size_t i = 0; i < s->n_models; i++) loader(out, &s->file->models[s->models[i]], i);
    for (size_t i = 0; i < s->n_models; i++) network(out, &s->file->models[s->models[i]]);
    for (size_t i = 0; i < s->n_data; i++) replay_data(out, &s->file->data[s->data[i]]);
    rows_of(out, r, rows, n, complete);
    if (changes_network(s)) text_add(out, "print(\"The claim changes the network; what follows is the network as it is.\")\n");
    shows(out, s, &rows[0]);
    shows_rows(out, s, &rows[0]);
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}
