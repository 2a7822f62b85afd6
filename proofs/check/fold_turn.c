/* Which attention is turned (fold.h). With scores q . (x_j W + b) and values y_j V + c, and the shares p of a softmax, which add up to 1:
 *     softmax over j of q . (x_j W + b) / root  =  softmax over j of (q W^T) . x_j / root,      as q . b is the same for all j,
 *     sum p_j (y_j V + c)  =  (sum p_j y_j) V + c,
 * so that keys and values are not made of every position where few rows of the mix are asked for. */
#include "fold.h"

static bool attends(const struct node *x) { return x->op == OP_SCORE || x->op == OP_SOFTMAX || x->op == OP_MIX || x->op == OP_BILINEAR; }

/* Nodes that no attention is made of: rows of these, and of what makes only these, are asked for at few positions. */
static void find_late(const struct net *net, bool *late) {
    for (int k = 0; k < net->n_nodes; k++) late[k] = true;
    for (int k = net->n_nodes - 1; k >= 0; k--) {
        const struct node *x = &net->nodes[k];
        for (int a = 0; a < x->n_args; a++) late[x->args[a]] = late[x->args[a]] && late[k] && !attends(x) && x->op != OP_ROW;
    }
}

/* A map of rows that differ with the sequence, worth as much: n products a column where there would be all of its rows. */
static bool is_map(const struct net *net, uint32_t n, const unsigned char *kept, const bool *token_only, int k) {
    const struct node *x = &net->nodes[k];
    return x->op == OP_LINEAR && kept[k] == KEPT_NOT && !token_only[k] && !token_only[x->args[0]] && n <= x->width;
}

/* Of node k, are all readers mixes that are late, and read it as their pattern? */
static bool is_last_pattern(const struct net *net, const bool *late, int k) {
    for (int v = k + 1; v < net->n_nodes; v++)
        for (int a = 0; a < net->nodes[v].n_args; a++)
            if (net->nodes[v].args[a] == k && (net->nodes[v].op != OP_MIX || a != 0 || !late[v])) return false;
    return true;
}

/* Does v read its argument a no more, as it is turned or nobody reads v? */
static bool reads_no_more(const struct net *net, const bool *turned, const bool *idle, int v, int a) {
    const struct node *x = &net->nodes[v];
    return x->op == OP_SCORE ? idle[v] && a == 1 : turned[v] && (x->op == OP_SOFTMAX || a == 1);
}

/* Scores, keys and values of turned attention that nothing else reads. */
static void find_idle(bool *idle, const bool *turned, const struct net *net) {
    bool *read = mem_get((size_t)net->n_nodes, sizeof *read);
    for (int k = net->n_nodes - 1; k >= 0; k--) {
        const struct node *x = &net->nodes[k];
        idle[k] = idle[k] && !read[k] && k != net->output;
        for (int a = 0; a < x->n_args; a++)
            if (reads_no_more(net, turned, idle, k, a)) idle[x->args[a]] = true;
            else read[x->args[a]] = true;
    }
    mem_free(read);
}

bool turns_find(bool *turned, bool *idle, const struct net *net, uint32_t n, const unsigned char *kept, const bool *token_only) {
    bool any = false, *late = mem_get((size_t)net->n_nodes, sizeof *late);
    if (!net->causal && net->pad < 0) find_late(net, late);
    for (int k = 0; k < net->n_nodes; k++) {
        const struct node *x = &net->nodes[k];
        int pattern = x->op == OP_MIX ? x->args[0] : k;
        turned[k] = false;
        if ((x->op != OP_MIX && x->op != OP_SOFTMAX) || net->causal || net->pad >= 0 || net->nodes[pattern].op != OP_SOFTMAX || kept[k] != KEPT_NOT || kept[pattern] != KEPT_NOT) continue;
        const struct node *score = &net->nodes[net->nodes[pattern].args[0]];
        if (x->op == OP_MIX) turned[k] = late[k] && is_map(net, n, kept, token_only, x->args[1]);
        else turned[k] = score->op == OP_SCORE && kept[x->args[0]] == KEPT_NOT && is_last_pattern(net, late, k) && is_map(net, n, kept, token_only, score->args[1]);
        any = any || turned[k];
    }
    if (any) find_idle(idle, turned, net);
    mem_free(late);
    return any;
}
