/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Five monitors at once: those that this machine does not have are in the
 * result's errors and stop nobody.
 *
 *   collector [SECONDS [FILE]]
 *
 * JOULEBOOK_SYSFS and JOULEBOOK_PROCFS may name the trees of another machine.
 */
#include <joulebook/joulebook.h>
#include <stdio.h>
#include <stdlib.h>

enum { MONITORS = 5 };

static int make_monitors(struct jb_monitor *monitors[MONITORS])
{
    static const char *const names[MONITORS][2] = { { "cpu", "intel" },
                                                    { "cpu", "amd" },
                                                    { "gpu", "nvidia" },
                                                    { "gpu", "amd" },
                                                    { "system", "ipmi" } };

    for (size_t i = 0; i < MONITORS; i++) {
        struct jb_monitor_config config = {
            .size = sizeof(config),
            .source = names[i][0],
            .component = names[i][1],
            .sysfs = getenv("JOULEBOOK_SYSFS"),
            .procfs = getenv("JOULEBOOK_PROCFS"),
        };
        struct jb_error error;

        if (jb_monitor_new(&config, &monitors[i], &error) != JB_OK) {
            fprintf(stderr, "Failed to make monitor: %s\n", error.text);
            return -1;
        }
    }
    return 0;
}

static void print_errors(struct jb_collector *collector,
                         struct jb_monitor *const monitors[MONITORS])
{
    size_t count = jb_collector_error_count(collector);

    for (size_t i = 0; i < count; i++) {
        size_t monitor = 0;
        enum jb_phase phase = JB_PHASE_START;
        struct jb_error why;

        if (jb_collector_error(collector, i, &monitor, &phase, &why) != JB_OK)
            continue;
        fprintf(stderr, "%s, %s: %s\n", jb_monitor_name(monitors[monitor]),
                jb_phase_name(phase), why.text);
    }
}

static int collect(struct jb_collector *collector, double seconds,
                   const char *path)
{
    struct jb_error error;

    /* Start collecting data */
    if (jb_collector_start(collector, &error) != JB_OK) {
        fprintf(stderr, "Failed to start: %s\n", error.text);
        return -1;
    }
    /* Collect data for a specific duration */
    if (jb_collector_collect(collector, seconds, &error) != JB_OK)
        fprintf(stderr, "Failed to collect: %s\n", error.text);
    /* Stop collecting data */
    if (jb_collector_stop(collector, &error) != JB_OK)
        fprintf(stderr, "Failed to stop: %s\n", error.text);
    /* Save data to a file */
    if (jb_collector_save(collector, path, &error) != JB_OK) {
        fprintf(stderr, "Failed to save: %s\n", error.text);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 60.0;
    const char *path = argc > 2 ? argv[2] : "power_data.json";
    struct jb_monitor *monitors[MONITORS] = { NULL };
    struct jb_collector *collector = NULL;
    struct jb_error error;
    int failed = make_monitors(monitors);

    /* Create a collector with multiple monitors */
    if (!failed &&
        jb_collector_new(monitors, MONITORS, &collector, &error) != JB_OK) {
        fprintf(stderr, "Failed to make collector: %s\n", error.text);
        failed = -1;
    }
    if (!failed) {
        failed = collect(collector, seconds, path);
        print_errors(collector, monitors);
    }
    jb_collector_free(collector);
    for (size_t i = 0; i < MONITORS; i++)
        jb_monitor_free(monitors[i]);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
