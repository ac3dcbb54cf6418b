/* The clock and the CPU time of the benchmarks' programs. */
#ifndef RA_BENCH_CLOCK_H
#define RA_BENCH_CLOCK_H

#include <sys/resource.h>
#include <time.h>

/** Seconds on a clock that nobody sets. */
static inline double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/** CPU seconds of this process so far, in user and system mode. */
static inline double cpu(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

#endif
