/* SPDX-License-Identifier: Apache-2.0 */
/* Commands as text, and what obeying them does to what is served. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/control.h"
#include "lab/state.h"

static const uint64_t MS = 1000000;

static struct jb_lab_state *lab;

static int set_up(void **state)
{
    struct jb_lab_layout *layout = calloc(1, sizeof(*layout));
    struct jb_lab_world *world = calloc(1, sizeof(*world));
    int rc = -1;

    (void)state;
    lab = calloc(1, sizeof(*lab));
    if (lab && layout && world &&
        jb_lab_layout_load("full", layout, NULL) == JB_OK) {
        jb_lab_world_init(world, layout, MS, 0);
        rc = jb_lab_state_init(lab, world, NULL, NULL);
    }
    free(world);
    free(layout);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    jb_lab_state_release(lab);
    free(lab);
    return 0;
}

static int parse(const char *text, struct jb_lab_command *command)
{
    return jb_lab_command_parse(text, strlen(text), command, NULL);
}

static void test_parse(void **state)
{
    struct jb_lab_command command;

    (void)state;
    assert_int_equal(parse("wave intel-rapl:0 const:5W", &command), JB_OK);
    assert_int_equal(command.verb, JB_LAB_WAVE);
    assert_string_equal(command.target, "intel-rapl:0");
    assert_int_equal(command.wave.parts[0].lo_uw, 5000000);
    assert_int_equal(parse(" errno  hwmon0/name ENODATA ", &command), JB_OK);
    assert_int_equal(command.error, ENODATA);
    assert_string_equal(command.file, "name");
    assert_int_equal(parse("errno intel-rapl:0 0", &command), JB_OK);
    assert_int_equal(command.error, 0);
    assert_int_equal(parse("delay intel-rapl:0 250us", &command), JB_OK);
    assert_int_equal(command.delay_ns, 250000);
    assert_int_equal(parse("text intel-rapl:0 \"a\\n\\x00\\\"\"", &command),
                     JB_OK);
    assert_int_equal(command.text_len, 4);
    assert_memory_equal(command.text, "a\n\0\"", 4);
    assert_int_equal(parse("jump intel-rapl:0 -12", &command), JB_OK);
    assert_int_equal(command.counts, -12);
    assert_int_equal(parse("mark any \"text\" ", &command), JB_OK);
    assert_int_equal(command.text_len, 11);
}

static void test_parse_refusals(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "wav",
        "wave",
        "wave intel-rapl:0",
        "wave intel-rapl:0 const:5",
        "wave intel-rapl:0 const:5W x",
        "errno intel-rapl:0 EFOO",
        "errno intel-rapl:0 -1",
        "errno intel-rapl:0/ EIO",
        "errno intel-rapl:0/../name EIO",
        "delay intel-rapl:0 5",
        "delay intel-rapl:0 3601s",
        "text intel-rapl:0 \"",
        "text intel-rapl:0 \"\\",
        "text intel-rapl:0 \"\\x0",
        "text intel-rapl:0 \"\\q\"",
        "mode intel-rapl:0 999",
        "mode intel-rapl:0 1000",
        "freeze intel-rapl:0",
        "freeze intel-rapl:0 solid",
        "jump intel-rapl:0 9999999999999999999",
        "plug intel-rapl:0",
        "sync now",
        "thaw intel-rapl:0000000000000000000000000000000000000000",
    };
    struct jb_lab_command command;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse(bad[i], &command) != JB_EFORMAT)
            fail_msg("accepted: '%s'", bad[i]);
}

static void test_text_ceiling(void **state)
{
    char line[128] = "text intel-rapl:0 \"";
    size_t head = strlen(line);
    struct jb_lab_command command;

    (void)state;
    memset(line + head, 'a', JB_LAB_FAULT_TEXT);
    line[head + JB_LAB_FAULT_TEXT] = '"';
    assert_int_equal(parse(line, &command), JB_OK);
    assert_int_equal(command.text_len, JB_LAB_FAULT_TEXT);
    memset(line + head, 'a', JB_LAB_FAULT_TEXT + 1);
    line[head + JB_LAB_FAULT_TEXT + 1] = '"';
    assert_int_equal(parse(line, &command), JB_EFORMAT);
}

/* Node of a zone's file. */
static unsigned node_of(const char *path, const char *file)
{
    int zone = jb_lab_layout_find(&lab->world.layout, path);

    assert_true(zone >= 0);
    return (unsigned)jb_lab_tree_child(&lab->tree, lab->tree.zone_dirs[zone],
                                       file);
}

static int obey(const char *text, uint64_t at_ns)
{
    return jb_lab_state_obey(lab, text, strlen(text), at_ns, NULL);
}

static struct jb_lab_answer read_energy(const char *path, uint64_t at_ns)
{
    struct jb_lab_answer answer;

    jb_lab_state_read(lab, node_of(path, "energy_uj"), at_ns, &answer);
    answer.bytes[answer.len] = '\0';
    return answer;
}

static void test_faults(void **state)
{
    struct jb_lab_answer answer;

    (void)state;
    assert_int_equal(obey("errno intel-rapl:0 EIO\n", 2 * MS), JB_OK);
    assert_int_equal(read_energy("intel-rapl:0", 3 * MS).error, EIO);
    assert_int_equal(read_energy("intel-rapl:1", 3 * MS).error, 0);
    assert_int_equal(obey("errno intel-rapl:0 0", 2 * MS), JB_OK);
    assert_int_equal(read_energy("intel-rapl:0", 3 * MS).error, 0);

    assert_int_equal(obey("text intel-rapl:0/energy_uj \"N/A\"", 2 * MS),
                     JB_OK);
    assert_string_equal(read_energy("intel-rapl:0", 3 * MS).bytes, "N/A");
    assert_int_equal(obey("text intel-rapl:0 empty", 2 * MS), JB_OK);
    assert_int_equal(read_energy("intel-rapl:0", 3 * MS).len, 0);
    assert_int_equal(obey("text intel-rapl:0 none", 2 * MS), JB_OK);

    assert_int_equal(obey("unplug intel-rapl:0", 2 * MS), JB_OK);
    assert_int_equal(read_energy("intel-rapl:0:0", 3 * MS).error, ENODEV);
    assert_int_equal(obey("plug intel-rapl:0 reset", 4 * MS), JB_OK);
    answer = read_energy("intel-rapl:0", 4 * MS);
    assert_string_equal(answer.bytes, "0\n");
    assert_string_equal(read_energy("intel-rapl-mmio:0", 4 * MS).bytes, "0\n");

    assert_int_equal(obey("mode intel-rapl:0 0444", 4 * MS), JB_OK);
    assert_int_equal(lab->tree.nodes[node_of("intel-rapl:0", "energy_uj")].mode,
                     0444);
}

/* Several lines: all or none. */
static void test_all_or_none(void **state)
{
    (void)state;
    assert_int_equal(
        obey("errno intel-rapl:0 EIO\nerrno intel-rapl:8 EIO\n", 2 * MS),
        JB_EABSENT);
    assert_int_equal(read_energy("intel-rapl:0", 3 * MS).error, 0);
    assert_int_equal(lab->refused, 1);
    assert_string_equal(lab->last_refusal.text,
                        "no zone or device intel-rapl:8 in this layout");
    assert_int_equal(
        obey("errno intel-rapl:0 EIO\nerrno intel-rapl:1 EIO\n", 2 * MS),
        JB_OK);
    assert_int_equal(lab->accepted, 2);
}

static void test_targets(void **state)
{
    (void)state;
    assert_int_equal(obey("wave rest const:5W", 2 * MS), JB_OK);
    assert_int_equal(obey("errno hwmon0 EIO", 2 * MS), JB_OK);
    assert_int_equal(obey("wave hwmon0 const:5W", 2 * MS), JB_EABSENT);
    assert_int_equal(obey("errno rest EIO", 2 * MS), JB_EABSENT);
    assert_int_equal(obey("wave intel-rapl-mmio:0 const:5W", 2 * MS),
                     JB_EABSENT);
    assert_int_equal(obey("errno intel-rapl:0/subsystem EIO", 2 * MS),
                     JB_EABSENT);
    assert_int_equal(obey("reset hwmon0", 2 * MS), JB_EABSENT);
}

static void test_status(void **state)
{
    struct jb_lab_text page = { 0 };

    (void)state;
    obey("delay intel-rapl:1 5ms\nfreeze intel-rapl:1 hold\nnonsense", 2 * MS);
    obey("delay intel-rapl:1 5ms\nfreeze intel-rapl:1 hold", 2 * MS);
    jb_lab_state_status(lab, 3 * MS, &page);
    assert_non_null(strstr(page.bytes, "\nrefused 1\nlast-refusal a command"));
    assert_non_null(strstr(page.bytes, " held energy_uj:delay=5000000ns\n"));
    jb_lab_text_release(&page);
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refusals),
        cmocka_unit_test(test_text_ceiling),
        LAB_TEST(test_faults),
        LAB_TEST(test_all_or_none),
        LAB_TEST(test_targets),
        LAB_TEST(test_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
