#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H
/* Seconds on the monotonic clock: what deadlines and durations are measured in. */
double clock_seconds(void);
/* Processor seconds of this thread. */
double clock_thread_seconds(void);
#endif
