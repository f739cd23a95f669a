/* A clock that jumps: loaded before libc, it moves the machine's clock for one process. The clock that counts the
   seconds since the machine started is left alone. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long ahead;

void set_clock_ahead(long seconds) { ahead = seconds; }

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int outcome = (int)syscall(SYS_clock_gettime, clock, time);
    if (outcome == 0 && clock == CLOCK_REALTIME)
        time->tv_sec += ahead;
    return outcome;
}
