/* Makes writes to regular files short, as a kernel may at any time, or lets a disk be full after so many bytes.
 * Loaded before the C library (LD_PRELOAD), whose `write` and `pwrite` it stands in for. strace cannot do this: what
 * it answers in the kernel's place has not been written. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static long most_at_once = -1;
static long left_in_all = -1;
static int then_error = 0;
static long shortened = 0;

/* At most `at_once` bytes a call, and after `in_all` bytes the error; -1 is without limit. */
void short_writes_begin(long at_once, long in_all, int error) {
    most_at_once = at_once;
    left_in_all = in_all;
    then_error = error;
    shortened = 0;
}

/* How many calls were cut short or refused. */
long short_writes_count(void) { return shortened; }

/* How many bytes may be written; -1 and the error for none. */
static ssize_t allowed(int file, size_t size) {
    struct stat found;
    if ((most_at_once < 0 && left_in_all < 0) || size == 0 || fstat(file, &found) != 0 || !S_ISREG(found.st_mode))
        return (ssize_t)size;
    long most = (long)size;
    if (most_at_once >= 0 && most > most_at_once) most = most_at_once;
    if (left_in_all >= 0) {
        if (left_in_all == 0) {
            shortened++;
            errno = then_error;
            return -1;
        }
        if (most > left_in_all) most = left_in_all;
        left_in_all -= most;
    }
    if (most < (long)size) shortened++;
    return most;
}

ssize_t write(int file, const void *bytes, size_t size) {
    ssize_t most = allowed(file, size);
    return most < 0 ? -1 : syscall(SYS_write, file, bytes, (size_t)most);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off_t offset) {
    ssize_t most = allowed(file, size);
    return most < 0 ? -1 : syscall(SYS_pwrite64, file, bytes, (size_t)most, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
    return pwrite64(file, bytes, size, offset);
}
