/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "core/domain.h"
#include "core/unit.h"
#include "sources/powercap/zone.h"

/* A directory of this name is a zone below a control type, or is not ours. */
static void fuzz_zone(const char *name)
{
    unsigned depth = jb_zone_depth(name);

    if (!jb_zone_is_zone(name)) {
        fuzz_require(!jb_zone_is_control_type(name) || depth == 0);
        return;
    }
    fuzz_require(depth >= 1 && depth < strlen(name));
    fuzz_require(strncmp(name, "intel-rapl", 10) == 0);
    fuzz_require(!jb_zone_is_control_type(name));
    fuzz_require(!strpbrk(name, "/ \n"));
}

/* A name is a domain of the place that it stands in, or an error. */
static void fuzz_domain(const char *name)
{
    const struct jb_zone_place place = { .known = true,
                                         .package = 3,
                                         .die = JB_NO_DIE };
    const struct jb_zone_place nowhere = { .known = false };
    struct jb_domain domain = { .kind = JB_DOMAIN_NONE };
    struct jb_domain alone = { .kind = JB_DOMAIN_NONE };
    struct jb_error err = { 0 };
    char text[JB_DOMAIN_NAME_MAX];

    if (jb_zone_domain(name, &place, &domain, &err) != JB_OK) {
        fuzz_require(domain.kind == JB_DOMAIN_NONE && err.text[0]);
        fuzz_require(jb_zone_domain(name, NULL, &alone, NULL) == JB_EFORMAT);
        return;
    }
    jb_domain_name(&domain, text);
    if (jb_zone_domain(name, &nowhere, &alone, NULL) == JB_OK)
        fuzz_require(strcmp(text, name) == 0 &&
                     jb_domain_equal(&domain, &alone));
    else
        fuzz_require(domain.index == 3 && strchr(name, '-') == NULL);
}

/* Whatever unit is found, the range and the reading are texts of its counts,
 * and a later reading is one or is refused. */
static void fuzz_unit(uint64_t range_uj, uint64_t reading_uj, uint64_t later_uj)
{
    uint32_t gain_ppm = UINT32_MAX;
    struct jb_unit unit;
    uint64_t count;

    if (range_uj == 0 || range_uj == UINT64_MAX)
        return;
    reading_uj %= range_uj + 1; /* readings lie in the range */
    unit = jb_zone_unit(range_uj, reading_uj, &gain_ppm);
    fuzz_require(unit.num && unit.den && unit.read_num && unit.read_den);
    fuzz_require(unit.modulus > 1 && gain_ppm < 1000000);
    fuzz_require(jb_unit_count(&unit, reading_uj, &count) == JB_OK &&
                 count < unit.modulus);
    fuzz_require(jb_unit_count(&unit, range_uj, &count) == JB_OK &&
                 count == unit.modulus - 1);
    if (jb_unit_count(&unit, later_uj, &count) == JB_OK)
        fuzz_require(count < unit.modulus);
}

/* Three numbers in front, then a text that is tried as both kinds of name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t numbers[3] = { 0 };
    size_t taken = size < sizeof(numbers) ? size : sizeof(numbers);
    char *text = malloc(size - taken + 1);

    if (!text)
        return 0;
    if (taken > 0)
        memcpy(numbers, data, taken);
    if (size > taken)
        memcpy(text, data + taken, size - taken);
    text[size - taken] = '\0';
    fuzz_zone(text);
    fuzz_domain(text);
    fuzz_unit(numbers[0], numbers[1], numbers[2]);
    free(text);
    return 0;
}
