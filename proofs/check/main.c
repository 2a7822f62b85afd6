/* weightproof-check: accepts or rejects certificates. See proofs/FORMAT.md §4. */
#include "certificate.h"
#include "claims.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#ifndef CHECK_VERSION
#define CHECK_VERSION "unknown"
#endif

enum { EXIT_ACCEPTED = 0, EXIT_REJECTED = 1, EXIT_UNREADABLE = 3, EXIT_RESOURCE = 4 };

void out_of_memory(void) {
    fputs("weightproof-check: out of memory\n", stderr);
    exit(EXIT_RESOURCE);
}

static void *gmp_grow(void *p, size_t old_n, size_t n) {
    (void)old_n;
    void *q = realloc(p, n);
    if (q == NULL) out_of_memory();
    return q;
}
static void *gmp_get(size_t n) { return gmp_grow(NULL, 0, n); } /* at least a limb; not zeroed */
static void gmp_free(void *p, size_t n) {
    (void)n;
    mem_free(p);
}

struct list { const char **s; int n; }; /* room for every argument */
struct options { bool quiet; struct list dirs, sources, files; const char *expect; struct claims_query claims; };
struct one { const char *path; struct certificate c; struct stmt s; struct eval e; struct net nets[64]; struct array arrays[64]; char used[256]; };

static const char usage_text[] = "usage: weightproof-check [--quiet] [--dir DIR]... [--claims FILE --only NAME [--param NAME=VALUE]... [--model NAME=NET]... [--data NAME=ARR]...]"
                                 " [--source FILE]... [--expect VERDICT] CERT...\n";

static int usage(const char *what) {
    fprintf(stderr, "weightproof-check: %s\n%s", what, usage_text);
    return EXIT_UNREADABLE;
}

static bool push(struct list *l, const char *s) {
    if (s == NULL) return false;
    l->s[l->n++] = s;
    return true;
}

static bool is_folder(const char *path) {
    DIR *d = opendir(path);
    if (d != NULL) closedir(d);
    return d != NULL;
}

static void options_free(struct options *o) {
    mem_free(o->dirs.s);
    mem_free(o->sources.s);
    mem_free(o->files.s);
    mem_free(o);
}

static struct options *options_new(int argc) {
    struct options *o = mem_get(1, sizeof *o);
    struct list *lists[] = {&o->dirs, &o->sources, &o->files};
    for (int i = 0; i < 3; i++) lists[i]->s = mem_get((size_t)argc + 1, sizeof *lists[i]->s);
    return o;
}

static bool parse_options(struct options *o, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool good = true;
        if (strcmp(a, "--quiet") == 0) o->quiet = true;
        else if (strncmp(a, "--", 2) != 0) good = push(&o->files, a);
        else {
            i++;
            if (strcmp(a, "--dir") == 0) good = push(&o->dirs, next);
            else if (strcmp(a, "--source") == 0) good = push(&o->sources, next);
            else if (strcmp(a, "--expect") == 0) good = (o->expect = next) != NULL;
            else if (strcmp(a, "--claims") == 0) good = (o->claims.path = next) != NULL;
            else if (strcmp(a, "--only") == 0) good = (o->claims.only = next) != NULL;
            else if (strcmp(a, "--param") == 0) good = claims_option(o->claims.params, &o->claims.n_params, next);
            else if (strcmp(a, "--data") == 0) good = claims_option(o->claims.data, &o->claims.n_data, next);
            else if (strcmp(a, "--model") == 0) good = claims_option(o->claims.models, &o->claims.n_models, next);
            else good = false;
        }
        if (!good) return false;
    }
    return o->files.n > 0 && (o->claims.path == NULL) == (o->claims.only == NULL);
}

/* A file whose SHA-256 a statement names. */
struct wanted { const char *sha256, *ending; char *text; size_t n; };

/* Is DIR/NAME that file? */
static bool try_file(const char *dir, const char *name, struct wanted *w) {
    char path[4096], hex[65];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path || !file_read(&w->text, &w->n, path, NET_MOST)) return false;
    sha256_hex(hex, w->text, w->n);
    if (strcmp(hex, w->sha256) == 0) return true;
    mem_free(w->text);
    w->text = NULL;
    return false;
}

static bool search_dir(const char *dir, struct wanted *w) {
    bool found = false;
    for (int pass = 0; pass < 2 && !found; pass++) { /* likely names first */
        DIR *d = opendir(dir);
        if (d == NULL) return false;
        for (struct dirent *x; !found && (x = readdir(d)) != NULL;) {
            size_t n = strlen(x->d_name);
            bool likely = n > 4 && strcmp(x->d_name + n - 4, w->ending) == 0;
            if (likely == (pass == 0) && x->d_name[0] != '.') found = try_file(dir, x->d_name, w);
        }
        closedir(d);
    }
    return found;
}

static bool find_file(const struct one *x, const struct options *o, struct wanted *w, struct fail *f) {
    char own[4096] = ".";
    const char *slash = strrchr(x->path, '/');
    if (slash != NULL && (size_t)(slash - x->path) < sizeof own - 1) snprintf(own, sizeof own, "%.*s", (int)(slash - x->path) + (slash == x->path), x->path);
    bool found = search_dir(own, w);
    for (int k = 0; k < o->dirs.n && !found; k++) found = search_dir(o->dirs.s[k], w);
    return found ? true : fail_at(f, 0, "no %s with SHA-256 %s", w->ending, w->sha256);
}

/* Every network that the statement names; 0, or an exit status. */
static int find_nets(struct one *x, const struct options *o, struct fail *f) {
    for (int i = 0; i < x->s.n_models; i++) {
        struct model_name *m = &x->s.models[i];
        for (int k = 0; k < i; k++)
            if (strcmp(x->s.models[k].sha256, m->sha256) == 0) m->net = x->s.models[k].net;
        if (m->net != NULL) continue;
        struct wanted w = {.sha256 = m->sha256, .ending = ".net"};
        if (!find_file(x, o, &w, f)) return EXIT_UNREADABLE;
        bool good = net_read(&x->nets[i], w.text, w.n, f);
        mem_free(w.text);
        if (!good) return EXIT_REJECTED;
        m->net = &x->nets[i];
    }
    return 0;
}

/* Every data array, likewise. */
static int find_arrays(struct one *x, const struct options *o, struct fail *f) {
    for (int i = 0; i < x->s.n_data; i++) {
        struct wanted w = {.sha256 = x->s.data[i].sha256, .ending = ".arr"};
        if (!find_file(x, o, &w, f)) return EXIT_UNREADABLE;
        bool good = array_read(&x->arrays[i], w.text, w.n, f);
        mem_free(w.text);
        if (!good) return EXIT_REJECTED;
        x->s.data[i].array = &x->arrays[i];
    }
    return 0;
}

static int check_sources(struct one *x, const struct options *o, struct buffer *report, struct fail *f) {
    bool bound[64] = {false};
    for (int i = 0; i < o->sources.n; i++) {
        char *text, hex[65];
        size_t n;
        if (!file_read(&text, &n, o->sources.s[i], (size_t)1 << 32)) {
            fail_at(f, 0, "cannot read source '%.200s'", o->sources.s[i]);
            return EXIT_UNREADABLE;
        }
        sha256_hex(hex, text, n);
        bool named, compared, good = source_check(&x->c, &x->s, text, n, hex, bound, &named, &compared, f);
        if (good && !named) good = fail_at(f, 0, "no model of this certificate names source '%.200s'", o->sources.s[i]);
        mem_free(text);
        if (!good) return EXIT_REJECTED;
        buffer_puts(report, "source ");
        buffer_puts(report, hex);
        buffer_puts(report, compared ? " compared, byte for byte\n" : " not bound: some tensors are compressed, or computed from others\n");
    }
    for (int i = 0; o->sources.n > 0 && i < x->s.n_models; i++) {
        if (bound[i]) continue;
        buffer_puts(report, "source of model ");
        buffer_puts(report, x->s.models[i].name);
        buffer_puts(report, " not given\n");
    }
    return 0;
}

static void report_accepted(struct one *x, const struct options *o, const struct buffer *sources, const mpz_t bindings) {
    printf("accepted %s %s %s%s%s\n", verdict_names[x->c.verdict], x->s.sha256, x->c.sha256, o->files.n > 1 ? " " : "", o->files.n > 1 ? x->path : "");
    if (o->quiet) return;
    const struct certificate *c = &x->c;
    if (c->number_line > 0) gmp_printf("number %Zd %Zd\ntotal %Zd %Zd\n", c->number[0], c->number[1], c->total[0], c->total[1]);
    if (c->value_line > 0) gmp_printf("value %Qd %Qd\n", c->value[0], c->value[1]);
    if (x->s.body == BODY_LIST && c->complete_line > 0) printf("items %zu, %s\n", c->n_items, c->complete ? "complete" : "there may be more");
    printf("statement\n%s", x->c.statement.s);
    for (int i = 0; i < x->s.n_models; i++) printf("net %s %s\n", x->s.models[i].name, x->s.models[i].sha256);
    for (int i = 0; i < x->s.n_data; i++) printf("data %s %s\n", x->s.data[i].name, x->s.data[i].sha256);
    if (sources->n > 0) fputs(sources->s, stdout);
    if (o->claims.path != NULL) printf("claim %s of this claim file\n", o->claims.only);
    if (mpz_sgn(bindings) >= 0) gmp_printf("bindings %Zd\n", bindings);
    else printf("bindings not counted: the certificate rests on single points\n");
    printf("semantics %s\n", x->s.float32 ? "float32" : "real");
    if (x->s.float32) printf("assumes binary32 as in NETWORK.md section 5: any summation order, library functions within 4 ulp, no flush to zero elsewhere\n");
    printf("assumes the .net is the network: tensor roles and architecture are the converter's claim\n");
    printf("rule %s, weightproof-check %s\n", rule_names[x->c.rule], CHECK_VERSION);
}

static int decide(struct one *x, const struct options *o, const char *text, size_t n, mpz_t bindings, struct buffer *report, struct fail *f) {
    if (!certificate_read(&x->c, text, n, f)) return EXIT_REJECTED;
    if (!stmt_read(&x->s, x->c.statement.s, x->c.statement.n, f)) return EXIT_REJECTED;
    int status = find_nets(x, o, f);
    if (status == 0) status = find_arrays(x, o, f);
    if (status == 0 && !source_structure(&x->c, &x->s, f)) status = EXIT_REJECTED;
    if (status == 0) status = check_sources(x, o, report, f);
    if (status != 0) return status;
    if (o->claims.path != NULL) {
        bool readable;
        if (!claims_match(&o->claims, &x->s, x->c.statement.s, &readable, f)) return readable ? EXIT_REJECTED : EXIT_UNREADABLE;
    }
    eval_init(&x->e, &x->s);
    if (!radii_check(&x->c, &x->e, f) || !changes_check(&x->c, &x->e, f) || !judge(&x->c, &x->e, bindings, f)) return EXIT_REJECTED;
    if (o->expect != NULL && strcmp(o->expect, verdict_names[x->c.verdict]) != 0) {
        fail_at(f, x->c.verdict_line, "the verdict is %s, not %.20s", verdict_names[x->c.verdict], o->expect);
        return EXIT_REJECTED;
    }
    return EXIT_ACCEPTED;
}

static int check_file(const char *path, const struct options *o) {
    char *text;
    size_t n;
    if (!file_read(&text, &n, path, (size_t)1 << 30)) {
        fprintf(stderr, "weightproof-check: cannot read '%s'\n", path);
        return EXIT_UNREADABLE;
    }
    struct one *x = mem_get(1, sizeof *x);
    struct fail f = {0};
    struct buffer report = {0};
    mpz_t bindings;
    mpz_init(bindings);
    x->path = path;
    int status = decide(x, o, text, n, bindings, &report, &f);
    if (status == EXIT_ACCEPTED) report_accepted(x, o, &report, bindings);
    else if (f.line > 0) printf("rejected %s: line %d: %s\n", path, f.line, f.text);
    else printf("rejected %s: %s\n", path, f.text);
    radii_clear(&x->e);
    if (x->e.s != NULL) eval_clear(&x->e);
    stmt_clear(&x->s);
    if (x->c.sha256[0] != 0 && x->c.statement.s != NULL) certificate_clear(&x->c);
    for (int i = 0; i < 64; i++) net_clear(&x->nets[i]);
    for (int i = 0; i < 64; i++) array_clear(&x->arrays[i]);
    mpz_clear(bindings);
    buffer_clear(&report);
    mem_free(x);
    mem_free(text);
    return status;
}

int main(int argc, char **argv) {
    struct options *o = options_new(argc);
    mp_set_memory_functions(gmp_get, gmp_grow, gmp_free);
    int worst = EXIT_ACCEPTED;
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (help) {
        printf("weightproof-check %s checks certificates of weightproof (proofs/FORMAT.md)\n%s", CHECK_VERSION, usage_text);
        options_free(o);
        return fflush(stdout) == 0 ? EXIT_ACCEPTED : EXIT_UNREADABLE;
    }
    if (!parse_options(o, argc, argv)) worst = usage("a certificate, or the value of an option, is missing, or an option is unknown");
    for (int i = 0; worst == EXIT_ACCEPTED && i < o->dirs.n; i++)
        if (!is_folder(o->dirs.s[i])) worst = usage("a folder of --dir is not there");
    bool understood = worst == EXIT_ACCEPTED;
    for (int i = 0; understood && i < o->files.n; i++) {
        int status = check_file(o->files.s[i], o);
        if (status > worst) worst = status;
    }
    if (fflush(stdout) != 0) worst = EXIT_UNREADABLE;
    options_free(o);
    return worst;
}
