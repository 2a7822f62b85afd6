#include "cli/progress.h"
#include "core/clock.h"
#include <stdio.h>
#include <unistd.h>

#define PAUSE 0.2 /* seconds between two lines */

static void say_left(double seconds) {
    if (seconds < 100) fprintf(stderr, ", %.0f s left", seconds);
    else if (seconds < 6000) fprintf(stderr, ", %.0f min left", seconds / 60);
    else fprintf(stderr, ", %.1f h left", seconds / 3600);
}

void progress_init(struct progress *p, bool quiet) { *p = (struct progress){.on = !quiet && isatty(2)}; }

void progress_claim(struct progress *p, const char *claim) {
    p->claim = claim;
    p->start = p->last = clock_seconds();
}

void progress_report(void *context, const char *what, double done, const char *more) {
    struct progress *p = context;
    if (!p->on) return;
    double t = clock_seconds(), left = done > 0.001 && done <= 1 ? (t - p->start) * (1 - done) / done : -1;
    if (t - p->last < PAUSE) return;
    p->last = t;
    p->shown = true;
    fprintf(stderr, "\r\033[K%.40s: %.30s", p->claim ? p->claim : "", what ? what : "");
    if (done >= 0) fprintf(stderr, " %.0f %%", 100 * done);
    if (more && more[0]) fprintf(stderr, ", %.40s", more);
    if (left >= 0) say_left(left);
    fflush(stderr);
}

void progress_clear(struct progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
    fflush(stderr);
}
