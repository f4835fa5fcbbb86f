/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_cost [ROWS]: nanoseconds of CPU that one row of each native format costs
 * its maker, writing to /dev/null included; the least of seven rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "formats/format.h"

enum { ROW_SENSORS = 4, ROW_ROUNDS = 7, ROW_TICK_NS = JB_NS_PER_MS };

static const char *const row_paths[ROW_SENSORS] = { "powercap/intel-rapl:0",
                                                    "powercap/intel-rapl:0:0",
                                                    "powercap/intel-rapl:1",
                                                    "powercap/intel-rapl:1:0" };

static uint64_t row_cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * JB_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Ticks of four counters, a millisecond apart. */
static void row_add(const struct jb_format *format,
                    struct jb_format_state *state, uint64_t begin_ns,
                    unsigned long rows)
{
    struct jb_knot knot = { .t_ns = begin_ns, .counts = 1 };

    for (unsigned long i = 0; i < rows; i++) {
        struct jb_sample sample = { .sensor = (uint32_t)(i % ROW_SENSORS),
                                    .t0_ns = knot.t_ns,
                                    .t1_ns = knot.t_ns };
        struct jb_format_reading reading = { i % ROW_SENSORS, &sample,
                                             JB_METER_ADVANCE, &knot };

        format->add(state, &reading);
        if (i % ROW_SENSORS != ROW_SENSORS - 1)
            continue;
        knot.t_ns += ROW_TICK_NS;
        knot.energy.uj += 51237;
        knot.counts += 839;
    }
}

static double row_measure(const struct jb_format *format,
                          struct jb_format_setup *setup, unsigned long rows)
{
    struct jb_recording file;
    struct jb_format_state *state = NULL;
    struct jb_error err = { 0 };
    uint64_t before_ns;
    uint64_t took_ns;

    if (jb_recording_open(&file, "/dev/null", format->foot, &err) < 0 ||
        format->open(setup, &file, &state, &err) < 0) {
        fprintf(stderr, "row_cost: %s\n", err.text);
        exit(1);
    }
    before_ns = row_cpu_ns();
    row_add(format, state, setup->begin_ns, rows);
    took_ns = row_cpu_ns() - before_ns;
    format->close(state);
    if (jb_recording_close(&file, &err) < 0)
        exit(1);
    return (double)took_ns / (double)rows;
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "csv", "jsonl", "json" };
    unsigned long rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    struct jb_sensor about[ROW_SENSORS];
    struct jb_format_sensor sensors[ROW_SENSORS];
    struct jb_format_setup setup = { .sensors = sensors,
                                     .sensor_count = ROW_SENSORS,
                                     .begin_ns = JB_NS_PER_S,
                                     .clock = { JB_NS_PER_S,
                                                INT64_C(1718729362500000000) },
                                     .interval_ns = ROW_TICK_NS };

    for (int i = 0; i < ROW_SENSORS; i++) {
        about[i] = (struct jb_sensor){
            .domain = { i % 2 ? JB_DOMAIN_DRAM : JB_DOMAIN_PACKAGE,
                        (uint16_t)(i / 2), JB_NO_DIE },
            .unit = { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
        };
        sensors[i] = (struct jb_format_sensor){ &about[i], row_paths[i], true };
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct jb_format *format = jb_format_find(names[i]);
        double least = 0.0;

        for (int round = 0; round < ROW_ROUNDS; round++) {
            double ns = row_measure(format, &setup, rows);

            if (round == 0 || ns < least)
                least = ns;
        }
        printf("%-6s %6.0f ns per row\n", names[i], least);
    }
    return 0;
}
