/* see shares.h */
#define _GNU_SOURCE
#include "shares.h"
#include "base.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct share { pid_t pid; int from; };

uint32_t shares_of_machine(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > SHARES_MOST ? SHARES_MOST : (uint32_t)n;
}

static bool write_all(int fd, const char *s, size_t n) {
    while (n > 0) {
        ssize_t k = write(fd, s, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        s += k;
        n -= (size_t)k;
    }
    return true;
}

static bool read_all(int fd, char *s, size_t n) {
    while (n > 0) {
        ssize_t k = read(fd, s, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        s += k;
        n -= (size_t)k;
    }
    return true;
}

/* Leaves by _exit: what the parent has not printed yet is the parent's. */
static void be_share(int to, pid_t parent, uint32_t part, uint32_t parts, share_fn *f, void *arg, char *result, size_t size) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(1);
    char go_on = f(part, parts, arg, result);
    _exit(write_all(to, &go_on, 1) && write_all(to, result, size) ? 0 : 1);
}

static bool start(struct share *s, uint32_t part, uint32_t parts, share_fn *f, void *arg, char *result, size_t size) {
    int ends[2];
    pid_t parent = getpid();
    if (pipe(ends) != 0) return false;
    fflush(NULL);
    s->pid = fork();
    if (s->pid == 0) {
        close(ends[0]);
        be_share(ends[1], parent, part, parts, f, arg, result, size);
    }
    close(ends[1]);
    s->from = ends[0];
    if (s->pid < 0) close(ends[0]);
    return s->pid > 0;
}

/* The result of a share that ended well; a share that is not wanted any more is killed. */
static bool finish(struct share *s, bool wanted, char *go_on, char *result, size_t size) {
    int status = 0;
    bool good = wanted && read_all(s->from, go_on, 1) && read_all(s->from, result, size);
    close(s->from);
    if (!good) kill(s->pid, SIGKILL);
    while (waitpid(s->pid, &status, 0) < 0)
        if (errno != EINTR) return false;
    return good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool shares_run(uint32_t parts, share_fn *f, void *arg, void *results, bool *have, size_t size, bool *stopped) {
    struct share share[SHARES_MOST];
    uint32_t started = 1;
    *stopped = false;
    if (parts < 1 || parts > SHARES_MOST) return false;
    while (started < parts && start(&share[started], started, parts, f, arg, (char *)results + started * size, size)) started++;
    bool good = started == parts;
    if (good) {
        *stopped = !f(0, parts, arg, results);
        have[0] = true;
    }
    for (uint32_t i = 1; i < started; i++) {
        char go_on = 1;
        have[i] = finish(&share[i], good && !*stopped, &go_on, (char *)results + i * size, size);
        if (!have[i] && !*stopped) good = false;
        if (have[i] && !go_on) *stopped = true;
    }
    return good;
}
