/* SPDX-License-Identifier: Apache-2.0 */
/* The whole node, as its BMC sees it, asked over the network.  JOULEBOOK_SYSFS
 * and JOULEBOOK_PROCFS may name the trees of another machine. */
#include <joulebook/joulebook.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_readings(const struct jb_readings *readings)
{
    for (size_t i = 0; i < jb_readings_count(readings); i++) {
        char line[JB_READING_JSON_MAX];

        if (jb_reading_json(jb_readings_get(readings, i), line, sizeof(line),
                            NULL) == JB_OK)
            puts(line);
    }
}

int main(void)
{
    struct jb_monitor_config config = {
        .size = sizeof(config),
        .source = "system",
        .component = "ipmi",
        .interval_s = 1.0,
        .host = "192.168.1.100",
        .username = "admin",
        .password = getenv("IPMI_PASSWORD"), /* never in the source */
        .sysfs = getenv("JOULEBOOK_SYSFS"),
        .procfs = getenv("JOULEBOOK_PROCFS"),
    };
    struct jb_monitor *monitor = NULL;
    struct jb_readings *readings = NULL;
    struct jb_error error;

    /* Configure the monitor */
    if (jb_monitor_new(&config, &monitor, &error) != JB_OK) {
        fprintf(stderr, "Failed to make monitor: %s\n", error.text);
        return EXIT_FAILURE;
    }
    /* Start monitoring */
    if (jb_monitor_start(monitor, &error) != JB_OK) {
        fprintf(stderr, "Failed to start monitor: %s\n", error.text);
        if (error.fix[0])
            fprintf(stderr, "Try: %s\n", error.fix);
        jb_monitor_free(monitor);
        return EXIT_FAILURE;
    }
    usleep(3200000);
    /* Get readings */
    if (jb_monitor_read(monitor, &readings, &error) == JB_OK)
        print_readings(readings);
    else
        fprintf(stderr, "Failed to get readings: %s\n", error.text);
    jb_readings_free(readings);
    /* Stop monitoring */
    if (jb_monitor_stop(monitor, &error) != JB_OK)
        fprintf(stderr, "Failed to stop monitor: %s\n", error.text);
    jb_monitor_free(monitor);
    return EXIT_SUCCESS;
}
