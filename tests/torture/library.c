/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C library in use, for the torture: a monitor, a collector that saves, and
 * a region, on two counters that a thread of this program keeps moving.
 *
 *   library --json     prints readings, a line each
 *
 * Ends like the commands of joulebook: 0, or 1 with a word of why.
 */
#include <fcntl.h>
#include <joulebook/joulebook.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ZONES = 2 };

static struct {
    char root[32];
    int fds[ZONES];
    atomic_bool ended;
} tree = { .root = "/dev/shm/jb-torture-XXXXXX", .fds = { -1, -1 } };

static void nap(long ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

/* Without a stream: its buffer is an allocation that may be the one to fail. */
static int put(const char *name, const char *text)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", tree.root, name);
    for (char *slash = strchr(path + sizeof("/dev/shm"), '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        perror(path);
    return fd;
}

static void *tick(void *unused)
{
    (void)unused;
    for (long long uj = 1000000; !atomic_load(&tree.ended); uj += 50000) {
        char text[32];

        snprintf(text, sizeof(text), "%018lld\n", uj);
        for (int i = 0; i < ZONES; i++)
            if (pwrite(tree.fds[i], text, strlen(text), 0) < 0)
                return NULL;
        nap(1);
    }
    return NULL;
}

static int plant(pthread_t *ticker)
{
    static const char *const zones[ZONES] = { "intel-rapl:0", "intel-rapl:1" };
    static const char *const names[ZONES] = { "package-0\n", "package-1\n" };

    if (!mkdtemp(tree.root))
        return -1;
    close(put("cpuinfo", "vendor_id\t: GenuineIntel\n"));
    for (int i = 0; i < ZONES; i++) {
        char name[64];

        snprintf(name, sizeof(name), "class/powercap/%s/name", zones[i]);
        close(put(name, names[i]));
        snprintf(name, sizeof(name), "class/powercap/%s/max_energy_range_uj",
                 zones[i]);
        close(put(name, "1000000000000\n"));
        snprintf(name, sizeof(name), "class/powercap/%s/energy_uj", zones[i]);
        tree.fds[i] = put(name, "000000000000000000\n");
        if (tree.fds[i] < 0)
            return -1;
    }
    return pthread_create(ticker, NULL, tick, NULL) ? -1 : 0;
}

static int monitor(struct jb_monitor **out, struct jb_error *err)
{
    struct jb_monitor_config config = { .size = sizeof(config),
                                        .source = "cpu",
                                        .component = "intel",
                                        .interval_s = 0.01,
                                        .sysfs = tree.root,
                                        .procfs = tree.root };

    return jb_monitor_new(&config, out, err);
}

static int print(const struct jb_readings *list, struct jb_error *err)
{
    for (size_t i = 0; i < jb_readings_count(list); i++) {
        char line[JB_READING_JSON_MAX];
        int rc =
            jb_reading_json(jb_readings_get(list, i), line, sizeof(line), err);

        if (rc != JB_OK)
            return rc;
        puts(line);
    }
    if (fflush(stdout) == 0)
        return JB_OK;
    return jb_fail(err, JB_EIO, "writing to the standard output failed");
}

static int collect(struct jb_collector *collector, struct jb_error *err)
{
    struct jb_readings *list = NULL;
    char path[64];
    int rc = jb_collector_start(collector, err);

    snprintf(path, sizeof(path), "%s/data.json", tree.root);
    if (rc == JB_OK)
        rc = jb_collector_collect(collector, 0.03, err);
    if (rc == JB_OK)
        rc = jb_collector_stop(collector, err);
    if (rc == JB_OK)
        rc = jb_collector_save(collector, path, err);
    if (rc == JB_OK)
        rc = jb_collector_readings(collector, &list, err);
    if (rc == JB_OK && jb_readings_count(list) == 0 &&
        jb_collector_error_count(collector) == 0)
        rc = jb_fail(err, JB_EUSAGE, "neither a reading nor an error");
    if (rc == JB_OK && jb_readings_count(list) == 0)
        rc = jb_collector_error(collector, 0, NULL, NULL, err) == JB_OK
                 ? err->status
                 : JB_EUSAGE;
    if (rc == JB_OK)
        rc = print(list, err);
    jb_readings_free(list);
    return rc;
}

static int use_monitors(struct jb_error *err)
{
    struct jb_monitor *one = NULL;
    struct jb_collector *collector = NULL;
    int rc = monitor(&one, err);

    if (rc == JB_OK)
        rc = jb_collector_new(&one, 1, &collector, err);
    if (rc == JB_OK)
        rc = collect(collector, err);
    jb_collector_free(collector);
    jb_monitor_free(one);
    return rc;
}

static int use_regions(struct jb_error *err)
{
    struct jb_session_config config = { .size = sizeof(config),
                                        .sysfs = tree.root,
                                        .procfs = tree.root };
    struct jb_session *session = NULL;
    struct jb_region *region = NULL;
    int rc = jb_session_open(&config, &session, err);

    if (rc == JB_OK)
        rc = jb_region_new(session, "tortured", &region, err);
    for (int i = 0; rc == JB_OK && i < 2; i++) {
        rc = jb_region_begin(region, err);
        nap(3);
        if (rc == JB_OK)
            rc = jb_region_end(region, NULL, err);
    }
    jb_region_free(region);
    jb_session_close(session);
    return rc;
}

static void uproot(void)
{
    static const char *const names[] = {
        "cpuinfo",
        "data.json",
        "class/powercap/intel-rapl:0/name",
        "class/powercap/intel-rapl:0/max_energy_range_uj",
        "class/powercap/intel-rapl:0/energy_uj",
        "class/powercap/intel-rapl:0",
        "class/powercap/intel-rapl:1/name",
        "class/powercap/intel-rapl:1/max_energy_range_uj",
        "class/powercap/intel-rapl:1/energy_uj",
        "class/powercap/intel-rapl:1",
        "class/powercap",
        "class",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", tree.root, names[i]);
        remove(path);
    }
    remove(tree.root);
}

int main(void)
{
    struct jb_error err = { .status = JB_OK };
    pthread_t ticker;
    int rc;

    if (plant(&ticker) < 0) {
        fprintf(stderr, "no tree to read\n");
        uproot();
        return 1;
    }
    rc = use_monitors(&err);
    if (rc == JB_OK)
        rc = use_regions(&err);
    atomic_store(&tree.ended, true);
    pthread_join(ticker, NULL);
    uproot();
    if (rc == JB_OK)
        return 0;
    fprintf(stderr, "library: %s: %s\n", jb_status_name(rc), err.text);
    return 1;
}
