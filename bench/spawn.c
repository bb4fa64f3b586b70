/* spawn TOTAL WIDE [PROGRAM ARGS...]: starts a program (/bin/true unless told) TOTAL times by posix_spawn and waits
 * for each, WIDE processes doing so side by side; prints the seconds it took. What a machine can do at most. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int start_all(long count, char **command) {
    for (long done = 0; done < count; done++) {
        pid_t pid;
        int status;
        if (posix_spawn(&pid, command[0], NULL, NULL, command, environ) != 0) return 1;
        if (waitpid(pid, &status, 0) != pid || status != 0) return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    char *nothing[] = {"/bin/true", NULL};
    if (argc < 3) {
        fprintf(stderr, "usage: spawn TOTAL WIDE [PROGRAM ARGS...]\n");
        return 2;
    }
    long total = atol(argv[1]), wide = atol(argv[2]);
    char **command = argc > 3 ? argv + 3 : nothing;
    double begin = now();
    for (long worker = 0; worker < wide; worker++) {
        long share = total / wide + (worker < total % wide);
        pid_t pid = fork();
        if (pid < 0) return 1;
        if (pid == 0) _exit(start_all(share, command));
    }
    int failed = 0, status;
    while (wait(&status) > 0) failed |= status != 0;
    printf("%.6f\n", now() - begin);
    return failed;
}
