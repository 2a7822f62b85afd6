#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H
/* Seconds on the monotonic clock: what deadlines and durations are measured in. */
double clock_seconds(void);
#endif
