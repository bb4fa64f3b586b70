/* What a machine without power remembers: of each file what was synced, of each folder the names it had when it was
 * synced (LD_PRELOAD).
 *
 * POWER_DISK names the folder in question, POWER_SHADOW the one where each sync leaves a copy:
 *   file-INODE-BIRTH     content of a file when it was last synced
 *   folder-INODE-BIRTH   names in a folder when it was last synced: `KIND INODE-BIRTH NAME`, one a line
 * The state after the loss is put together from these (support/power.ts). Syncing itself is left out: what is kept is the copy.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *disk, *shadow;

__attribute__((constructor)) static void begin(void) {
    disk = getenv("POWER_DISK");
    shadow = getenv("POWER_SHADOW");
}

static int identify(int at, const char *name, char *id, size_t size, unsigned *mode) {
    struct statx s;
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (syscall(SYS_statx, at, name, flags, STATX_BASIC_STATS | STATX_BTIME, &s) != 0) return -1;
    snprintf(id, size, "%llu-%lld.%u", (unsigned long long)s.stx_ino, (long long)s.stx_btime.tv_sec, s.stx_btime.tv_nsec);
    *mode = s.stx_mode;
    return 0;
}

static void copy_file(int fd, int to) {
    char piece[65536];
    off_t at = 0;
    /* A descriptor of its own: this one may be for writing only. */
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int from = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n; from >= 0 && (n = syscall(SYS_pread64, from, piece, sizeof piece, at)) > 0; at += n)
        if (syscall(SYS_write, to, piece, n) != n) abort();
    if (from >= 0) close(from);
}

static void copy_names(int fd, int to) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char id[64], line[512];
        unsigned mode;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (identify(dirfd(folder), e->d_name, id, sizeof id, &mode) != 0) continue;
        int n = snprintf(line, sizeof line, "%c %o %s %s\n", S_ISDIR(mode) ? 'd' : S_ISREG(mode) ? 'f' : 'o', mode & 07777, id, e->d_name);
        if (syscall(SYS_write, to, line, n) != n) abort();
    }
    if (folder) closedir(folder);
}

static int keep(int fd) {
    char link[32], path[4096], id[64], draft[4200], copy[4200];
    unsigned mode;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    if (!disk || !shadow || strncmp(path, disk, strlen(disk)) != 0) return 0;
    if (identify(fd, "", id, sizeof id, &mode) != 0) return -1;
    pthread_mutex_lock(&lock);
    snprintf(draft, sizeof draft, "%s/draft-%d", shadow, getpid());
    snprintf(copy, sizeof copy, "%s/%s-%s", shadow, S_ISDIR(mode) ? "folder" : "file", id);
    int to = syscall(SYS_openat, AT_FDCWD, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) abort();
    if (S_ISDIR(mode)) copy_names(fd, to); else copy_file(fd, to);
    close(to);
    if (syscall(SYS_rename, draft, copy) != 0) abort();
    pthread_mutex_unlock(&lock);
    return 0;
}

static void keep_below(const char *path) {
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    keep(fd);
    DIR *folder = fdopendir(fd);
    if (!folder) close(fd);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char inner[4096];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) < (int)sizeof inner) keep_below(inner);
    }
    if (folder) closedir(folder);
}

int fsync(int fd) { return keep(fd); }
int fdatasync(int fd) { return keep(fd); }

int syncfs(int fd) {
    (void)fd;
    if (disk && shadow) keep_below(disk);
    return 0;
}
