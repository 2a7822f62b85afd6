/* The lines of a replay script that read data arrays and canonical networks. */
#include <stdlib.h>
#include <string.h>
#include "proofs/replay_file.h"
#include "proofs/write.h"

static void add_whole_path(struct text *out, const char *path) {
    char *whole = realpath(path, NULL); /* the script runs from anywhere */
    write_json_string(out, whole ? whole : path);
    free(whole);
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

static bool loads_npy(const struct bound_data *x) { return ends_with(x->path, ".npy") || (ends_with(x->path, ".npz") && x->member); }

void replay_readers(struct text *out, bool nets, bool arrays) {
    if (nets)
        text_add(out, "\n\ndef read_net(path):\n    \"\"\"The tensors of a .net file, which `weightproof convert MODEL -o FILE.net` writes.\"\"\"\n"
                      "    W, lines = {}, iter(open(path).read().split(\"\\n\"))\n    for line in lines:\n        word = line.split(\" \")\n"
                      "        if word[0] == \"tensor\":\n            shape = [int(k) for k in word[2:]]\n"
                      "            rows = [[float.fromhex(x) for x in next(lines).split(\" \")] for _ in range(int(np.prod(shape[:-1])))]\n"
                      "            W[word[1]] = torch.tensor(rows, dtype=torch.float64).reshape(shape)\n    return W\n");
    if (arrays)
        text_add(out, "\n\ndef read_array(path):\n    \"\"\"A .arr file.\"\"\"\n    lines = open(path).read().split(\"\\n\")\n"
                      "    rows = [[float.fromhex(x) for x in line.split(\" \")] for line in lines[2:-2]]\n"
                      "    return torch.tensor(rows, dtype=torch.float64).reshape([int(k) for k in lines[1].split(\" \")[1:]])\n");
}

void replay_data(struct text *out, const struct bound_data *x) {
    text_addf(out, "\n%s = ", x->name);
    if (loads_npy(x)) {
        text_add(out, "torch.from_numpy(np.load(");
        add_whole_path(out, x->path);
        text_add(out, ")");
        if (x->member) {
            text_add(out, "[");
            write_json_string(out, x->member);
            text_add(out, "]");
        }
        text_add(out, ".astype(np.float64))");
    } else {
        text_add(out, "read_array(");
        if (ends_with(x->path, ".arr")) add_whole_path(out, x->path);
        else text_addf(out, "os.path.join(HERE, \"%s.arr\")", x->name);
        text_add(out, ")");
    }
    text_addf(out, "   # sha256 %s\n", x->array.file_sha256);
}

bool replay_needs_array(const struct bound_data *x) { return !loads_npy(x); }

void replay_net(struct text *out, const struct bound_model *b, size_t index) {
    bool is_net = b->model.checkpoint.n == 0;
    text_addf(out, "\nFILE_%s = sys.argv[%zu] if len(sys.argv) > %zu else ", b->name, index + 1, index + 1);
    if (is_net) add_whole_path(out, b->path);
    else text_addf(out, "os.path.join(HERE, \"%s.net\")", b->name);
    text_addf(out, "   # sha256 %s", b->model.net.sha256);
    if (!is_net) {
        text_add(out, ", weightproof convert ");
        text_add(out, b->path);
        text_addf(out, " -o %s.net", b->name);
    }
    text_addf(out, "\nW_%s = read_net(FILE_%s)\n", b->name, b->name);
}
