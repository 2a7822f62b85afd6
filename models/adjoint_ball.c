/* The tightened enclosure beside that of a ball run: inputs given at once, the smaller of the two. */
#include "core/mem.h"
#include "models/adjoint_kernel.h"

enum status adjoint_run_input(struct adjoint_run *a, const int *tokens, const double *rows, size_t n)
{
    size_t width = a->net->width_in;
    if (tokens) {
        adjoint_run_tokens(a, tokens, n);
        return STATUS_OK;
    }
    double *mid = mem_array(2 * width, sizeof *mid), *rad = mid + width;
    if (!mid) return STATUS_MEMORY;
    adjoint_run_length(a, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < width; j++) {
            double x = (double)(float)rows[i * width + j];
            bool known = x - x == 0;
            mid[j] = known ? x : 0;
            rad[j] = known ? 0 : INFINITY;
        }
        adjoint_run_input_row(a, i, mid, rad);
    }
    free(mid);
    return STATUS_OK;
}

void adjoint_run_ball(arb_t out, struct adjoint_run *a, size_t node, size_t row, size_t entry, const arb_t ball)
{
    const double *mid, *rad;
    double ball_mid, ball_rad;
    adjoint_run_row(a, node, row, &mid, &rad);
    ball_to_double(&ball_mid, &ball_rad, ball);
    if (!(rad[entry] < INFINITY) || ball_rad <= rad[entry]) {
        arb_set(out, ball);
        return;
    }
    arb_set_d(out, mid[entry]);
    mag_set_d(arb_radref(out), rad[entry]);
}
