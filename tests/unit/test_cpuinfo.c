/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "tree.h"

#include <stdbool.h>

#include "core/cpuinfo.h"

static const struct cpuinfo_case {
    const char *label, *text, *vendor, *model_name;
    uint32_t family, model, stepping;
    bool hypervisor, amd;
} cpuinfo_cases[] = {
    { .label = "empty", .text = "", .vendor = "", .model_name = "" },
    { .label = "no colon",
      .text = "abc\n\n\n",
      .vendor = "",
      .model_name = "" },
    { .label = "Intel",
      .text = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"
              "model\t\t: 142\nmodel name\t: Intel(R) Core(TM) i7-8650U CPU @ "
              "1.90GHz\nstepping\t: 10\nflags\t\t: fpu vme de\n\n",
      .vendor = "GenuineIntel",
      .model_name = "Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz",
      .family = 6,
      .model = 142,
      .stepping = 10 },
    { .label = "AMD guest, no newline at the end",
      .text = "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n"
              "flags\t\t: fpu tsc_known_freq hypervisor lahf_lm",
      .vendor = "AuthenticAMD",
      .model_name = "",
      .family = 25,
      .model = 1,
      .hypervisor = true,
      .amd = true },
    { .label = "Hygon",
      .text = "vendor_id : HygonGenuine\n",
      .vendor = "HygonGenuine",
      .model_name = "",
      .amd = true },
    { .label = "only the first processor",
      .text = "vendor_id\t: GenuineIntel\nmodel\t: 85\n\nvendor_id\t: Other\n"
              "model\t: 1\n",
      .vendor = "GenuineIntel",
      .model_name = "",
      .model = 85 },
    { .label = "numbers that are none",
      .text = "vendor_id : X\ncpu family : +\nmodel : 4294967296\n"
              "stepping : unknown\nmodel name : \n",
      .vendor = "X",
      .model_name = "" },
    { .label = "other flags do not count",
      .text = "vendor_id : X\nvmx flags : hypervisor\nbugs : hypervisor\n",
      .vendor = "X",
      .model_name = "" },
    { .label = "ARM says no vendor",
      .text = "processor\t: 0\nBogoMIPS\t: 50.00\nCPU part\t: 0xd0c\n\n"
              "processor\t: 1\n\n",
      .vendor = "",
      .model_name = "" },
    { .label = "a vendor too long for its field",
      .text = "vendor_id : 0123456789012345678901234567890123456789\n",
      .vendor = "",
      .model_name = "" },
    { .label = "said twice: the first counts",
      .text = "vendor_id : GenuineIntel\nvendor_id : AMD\nmodel name : Long\n"
              "model name : A\n",
      .vendor = "GenuineIntel",
      .model_name = "Long" },
    { .label = "colon in the value",
      .text = "vendor_id : X\nmodel name : a: b\n",
      .vendor = "X",
      .model_name = "a: b" },
};

static void cpuinfo_check(const struct cpuinfo_case *want,
                          const struct jb_cpuinfo *got)
{
    CHECK_TEXT(want->label, got->vendor, want->vendor);
    CHECK_TEXT(want->label, got->model_name, want->model_name);
    CHECK_U64(want->label, got->family, want->family);
    CHECK_U64(want->label, got->model, want->model);
    CHECK_U64(want->label, got->stepping, want->stepping);
    CHECK_BOOL(want->label, got->hypervisor, want->hypervisor);
    CHECK_BOOL(want->label, jb_cpuinfo_is_amd(got), want->amd);
}

static void cpuinfo_of_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cpuinfo_cases); i++) {
        const struct cpuinfo_case *row = &cpuinfo_cases[i];
        size_t length = strlen(row->text);
        char *exact = malloc(length + 1); /* so that ASan sees an overread */
        struct jb_cpuinfo got;

        assert_non_null(exact);
        memcpy(exact + 1, row->text, length);
        jb_cpuinfo_parse(exact + 1, length, &got);
        cpuinfo_check(row, &got);
        free(exact);
    }
}

/* Cut anywhere, a text gives some answer and is not read beyond its end. */
static void cpuinfo_of_every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cpuinfo_cases); i++) {
        size_t length = strlen(cpuinfo_cases[i].text);

        for (size_t cut = 0; cut <= length; cut++) {
            char *exact = malloc(cut + 1);
            struct jb_cpuinfo got;

            assert_non_null(exact);
            memcpy(exact + 1, cpuinfo_cases[i].text, cut);
            jb_cpuinfo_parse(exact + 1, cut, &got);
            assert_true(strlen(got.vendor) < sizeof(got.vendor));
            free(exact);
        }
    }
}

static void cpuinfo_read_from_a_root(void **state)
{
    struct tree tree;
    struct jb_cpuinfo got;
    struct jb_error err = { 0 };

    (void)state;
    tree_init(&tree);
    CHECK_STATUS("absent", jb_cpuinfo_read(tree.root, &got, &err), JB_EABSENT,
                 &err);
    tree_write(&tree, "cpuinfo", cpuinfo_cases[2].text);
    CHECK_STATUS("there", jb_cpuinfo_read(tree.root, &got, &err), JB_OK, &err);
    cpuinfo_check(&cpuinfo_cases[2], &got);
    tree_drop(&tree, "cpuinfo");
    tree_write(&tree, "cpuinfo/x", "");
    CHECK_STATUS("a directory", jb_cpuinfo_read(tree.root, &got, &err), JB_EIO,
                 &err);
    tree_release(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpuinfo_of_texts),
        cmocka_unit_test(cpuinfo_of_every_prefix),
        cmocka_unit_test(cpuinfo_read_from_a_root),
    };

    return cmocka_run_group_tests_name("cpuinfo", tests, NULL, NULL);
}
