/* Peaks of a process's memory; see bench.h. */
#include "cli/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_NS = 5000000 };

/* Kilobytes behind a key of the text, in bytes; 0 where it is absent. */
static uint64_t bytes_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

/* The kernel keeps the peak of what is resident; it begins anew when 5 is written there. */
static void forget_peak(void)
{
    const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

    if (file < 0) return; /* then the peak is that of all so far */
    const ssize_t written = write(file, "5", 1);
    (void)written;
    close(file);
}

void bench_memory_init(bench_memory *m, pid_t pid)
{
    *m = (bench_memory){ .pid = pid };
    if (pid == getpid()) forget_peak();
    bench_memory_look(m);
}

void bench_memory_look(bench_memory *m)
{
    char path[48], text[4096];

    snprintf(path, sizeof path, "/proc/%ld/status", (long)m->pid);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return; /* it is gone */
    const ssize_t n = read(file, text, sizeof text - 1);
    close(file);
    if (n <= 0) return;
    text[n] = 0;
    const uint64_t rss = bytes_of(text, "\nVmHWM:");
    const uint64_t anon = bytes_of(text, "\nRssAnon:") + bytes_of(text, "\nRssShmem:");
    if (rss > m->rss_bytes) m->rss_bytes = rss;
    if (anon > m->anon_bytes) m->anon_bytes = anon;
}

static void *watch(void *data)
{
    bench_memory *m = data;

    while (!atomic_load(&m->stop)) {
        bench_memory_look(m);
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
    }
    return NULL;
}

void bench_memory_watch(bench_memory *m)
{
    atomic_store(&m->stop, false);
    m->watching = !pthread_create(&m->thread, NULL, watch, m);
}

void bench_memory_rest(bench_memory *m)
{
    if (m->watching) {
        atomic_store(&m->stop, true);
        pthread_join(m->thread, NULL);
        m->watching = false;
    }
    bench_memory_look(m);
}
