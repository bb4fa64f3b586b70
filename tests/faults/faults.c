/* Faults of disks and clocks, laid between a program and its libc (LD_PRELOAD).
 *
 * The file FAULTS_FILE names is read again whenever it changes. Each of its lines is a fault:
 *   CALLS ERROR TEXT   calls on files whose path contains TEXT fail; CALLS are some of open, write, sync, read, name
 *                      joined by commas, ERROR is EIO, EROFS or ENOSPC
 *   clock SECONDS      the time of day is so many seconds ahead; time that only goes forward is not touched
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, SYNC = 4, READ = 8, NAME = 16 };

struct fault {
    int calls, error;
    char text[256];
};

static struct fault faults[16];
static int count;
static long long ahead;
static struct stat seen;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take(char *line) {
    char calls[64], error[16], text[256];
    if (sscanf(line, "clock %lld", &ahead) == 1 || count == 16) return;
    if (sscanf(line, "%63s %15s %255s", calls, error, text) != 3) return;
    struct fault *f = &faults[count++];
    f->calls = (strstr(calls, "open") ? OPEN : 0) | (strstr(calls, "write") ? WRITE : 0) |
               (strstr(calls, "sync") ? SYNC : 0) | (strstr(calls, "read") ? READ : 0) | (strstr(calls, "name") ? NAME : 0);
    f->error = !strcmp(error, "EROFS") ? EROFS : !strcmp(error, "ENOSPC") ? ENOSPC : EIO;
    strcpy(f->text, text);
}

/* Raw system calls: what is looked up here must not come back to the functions below. */
static void look(void) {
    const char *file = getenv("FAULTS_FILE");
    struct stat now;
    if (!file || syscall(SYS_newfstatat, AT_FDCWD, file, &now, 0) != 0) return;
    pthread_mutex_lock(&lock);
    // Two changes may have one time, but not also the same size.
    if (now.st_mtim.tv_sec != seen.st_mtim.tv_sec || now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec || now.st_size != seen.st_size) {
        seen = now;
        char text[4096];
        int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
        long length = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof text - 1);
        if (fd >= 0) syscall(SYS_close, fd);
        text[length > 0 ? length : 0] = 0;
        count = 0;
        ahead = 0;
        char *rest = text, *line;
        while ((line = strsep(&rest, "\n"))) take(line);
    }
    pthread_mutex_unlock(&lock);
}

static int fails(int call, const char *path) {
    int before = errno;
    look();
    errno = before;
    for (int i = 0; path && i < count; i++) {
        if ((faults[i].calls & call) && strstr(path, faults[i].text)) {
            errno = faults[i].error;
            return 1;
        }
    }
    return 0;
}

static int fails_at(int call, int fd) {
    if (fd <= 2) return 0;
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int before = errno;
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    errno = before;
    if (length <= 0) return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int for_writing(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT); }

#define OPENS(name, before, args, path)                                   \
    int name before {                                                     \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                     \
        if (for_writing(flags) && fails(OPEN, path)) return -1;           \
        return REAL(name) args;                                           \
    }
OPENS(open, (const char *path, int flags, ...), (path, flags, mode), path)
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode), path)
OPENS(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), path)
OPENS(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode), path)

#define ON_FD(type, name, call, before, args)  \
    type name before {                         \
        if (fails_at(call, fd)) return -1;     \
        return REAL(name) args;                \
    }
ON_FD(ssize_t, write, WRITE, (int fd, const void *from, size_t n), (fd, from, n))
ON_FD(ssize_t, pwrite, WRITE, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
ON_FD(ssize_t, pwrite64, WRITE, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
ON_FD(ssize_t, writev, WRITE, (int fd, const struct iovec *from, int n), (fd, from, n))
ON_FD(ssize_t, read, READ, (int fd, void *to, size_t n), (fd, to, n))
ON_FD(ssize_t, pread, READ, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
ON_FD(ssize_t, pread64, READ, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))
ON_FD(int, fsync, SYNC, (int fd), (fd))
ON_FD(int, fdatasync, SYNC, (int fd), (fd))
ON_FD(int, ftruncate, WRITE, (int fd, off_t length), (fd, length))
ON_FD(int, ftruncate64, WRITE, (int fd, off64_t length), (fd, length))

int rename(const char *from, const char *to) {
    if (fails(NAME, to)) return -1;
    return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
    if (fails(NAME, path)) return -1;
    return REAL(mkdir)(path, mode);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = REAL(clock_gettime)(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int before = errno;
        look();
        errno = before;
        time->tv_sec += ahead;
    }
    return result;
}
