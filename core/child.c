#include "core/child.h"
#include "core/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXEC_FAILED 127

static void limit(int what, rlim_t value) {
    struct rlimit r = {value, value};
    if (setrlimit(what, &r) != 0) _exit(EXEC_FAILED);
}

/* In the child, between fork and exec: only calls that are safe there. Its own group, so that Ctrl-C reaches the parent alone. */
static void become(const char *const *argv, int output, int errors, int parent, size_t memory) {
    int null = open("/dev/null", O_RDONLY);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || setpgid(0, 0) != 0) _exit(EXEC_FAILED);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) _exit(EXEC_FAILED);
    limit(RLIMIT_CORE, 0);
    if (memory > 0) limit(RLIMIT_AS, (rlim_t)memory);
    execv(argv[0], (char *const *)(void *)argv);
    _exit(EXEC_FAILED);
}

/* One read; false at the end of the stream. */
static bool drain(int fd, struct text *into) {
    char room[4096];
    ssize_t n = read(fd, room, sizeof room);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    if (n > 0) text_add_n(into, room, (size_t)n);
    return n > 0;
}

/* Reads both streams until they close or something ends the wait. */
static enum child_end listen_to(struct child *c, int output, int errors, const struct child_limits *l, const struct child_watch *watch) {
    struct pollfd fds[2] = {{output, POLLIN, 0}, {errors, POLLIN, 0}};
    struct text *into[2] = {&c->output, &c->errors};
    double start = clock_seconds(), deadline = start + l->seconds;
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (l->stop && *l->stop) return CHILD_INTERRUPTED;
        if (!(clock_seconds() < deadline)) return CHILD_TIMED_OUT;
        if (c->output.size > CHILD_OUTPUT_MAX || c->errors.size > CHILD_OUTPUT_MAX) return CHILD_TALKED_TOO_MUCH;
        if (watch) watch->waiting(watch->context, clock_seconds() - start);
        if (poll(fds, 2, 100) <= 0) continue;
        for (int i = 0; i < 2; i++)
            if (fds[i].fd >= 0 && fds[i].revents != 0 && !drain(fds[i].fd, into[i])) fds[i].fd = -1;
    }
    return CHILD_EXITED;
}

/* Waits for the end of a process whose streams are closed; it may still run. */
static enum child_end wait_for(pid_t pid, int *status, const struct child_limits *l, double deadline) {
    const struct timespec pause = {0, 1000000};
    for (;;) {
        pid_t got = waitpid(pid, status, WNOHANG);
        if (got == pid) return CHILD_EXITED;
        if (got < 0 && errno != EINTR) return CHILD_MISSING;
        if (l->stop && *l->stop) return CHILD_INTERRUPTED;
        if (!(clock_seconds() < deadline)) return CHILD_TIMED_OUT;
        nanosleep(&pause, NULL);
    }
}

static void bury(pid_t pid, int *status) {
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) continue;
}

enum status child_run(struct child *out, const char *const *argv, const struct child_limits *l, struct diag *d) { return child_watched(out, argv, l, NULL, d); }

enum status child_watched(struct child *out, const char *const *argv, const struct child_limits *l, const struct child_watch *watch, struct diag *d) {
    int output[2] = {-1, -1}, errors[2] = {-1, -1}, status = 0, parent = (int)getpid();
    double deadline = clock_seconds() + l->seconds;
    enum status result = STATUS_OK;
    memset(out, 0, sizeof *out);
    out->end = CHILD_MISSING;
    text_init(&out->output);
    text_init(&out->errors);
    if (access(argv[0], X_OK) != 0) return STATUS_OK;
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
        result = diag_fail(d, STATUS_INTERNAL, "cannot make a pipe: %s", strerror(errno));
        goto done;
    }
    pid_t pid = fork();
    if (pid < 0) {
        result = diag_fail(d, STATUS_INTERNAL, "cannot start '%s': %s", argv[0], strerror(errno));
        goto done;
    }
    if (pid == 0) become(argv, output[1], errors[1], parent, l->memory);
    close(output[1]);
    close(errors[1]);
    output[1] = errors[1] = -1;
    out->end = listen_to(out, output[0], errors[0], l, watch);
    if (out->end == CHILD_EXITED) out->end = wait_for(pid, &status, l, deadline);
    if (out->end != CHILD_EXITED) bury(pid, &status);
    else if (WIFSIGNALED(status)) out->end = CHILD_SIGNALLED, out->number = WTERMSIG(status);
    else if (WIFEXITED(status)) out->number = WEXITSTATUS(status);
    else out->end = CHILD_MISSING;
    if (out->end == CHILD_EXITED && out->number == EXEC_FAILED) out->end = CHILD_MISSING;
    if (out->output.failed || out->errors.failed) result = STATUS_MEMORY;
done:
    for (int i = 0; i < 2; i++) {
        if (output[i] >= 0) close(output[i]);
        if (errors[i] >= 0) close(errors[i]);
    }
    return result;
}

void child_clear(struct child *c) {
    text_clear(&c->output);
    text_clear(&c->errors);
}
