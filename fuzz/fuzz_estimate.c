/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc/cpuinfo calls a processor, as the model of estimates reads it, and
 * the curve of a machine with such processors.
 *
 * Two texts, each ended by a newline: vendor and name; then bytes for the
 * numbers: family, model, and the counts.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "sources/estimate/model.h"

enum { FUZZ_NUMBERS = 6 };

/* What was known before stays; what is filled in makes sense. */
static void fuzz_identify(const char *name, const char *vendor,
                          const uint8_t *numbers,
                          struct jb_estimate_machine *machine)
{
    const struct jb_estimate_machine before = *machine;
    struct jb_estimate_machine again = *machine;
    unsigned family = numbers[0];
    unsigned model = numbers[1];
    int known = jb_estimate_identify(name, vendor, family, model, machine);

    fuzz_require(known == 0 || known == 1);
    fuzz_require(machine->arch < JB_ESTIMATE_ARCH_COUNT && machine->amd <= 1);
    fuzz_require(machine->chips == before.chips &&
                 machine->cores == before.cores &&
                 machine->threads == before.threads &&
                 machine->memory_mb == before.memory_mb);
    fuzz_require(before.base_mhz == 0 || machine->base_mhz == before.base_mhz);
    fuzz_require(machine->base_mhz <= 2000000);
    fuzz_require(known || (machine->l3_kb == before.l3_kb &&
                           machine->tdp_mw == before.tdp_mw));
    fuzz_require(!known || (machine->base_mhz > 0 &&
                            machine->arch != JB_ESTIMATE_ARCH_UNKNOWN));
    fuzz_require(jb_estimate_identify(name, vendor, family, model, &again) ==
                 known);
    fuzz_require(
        again.arch == machine->arch && again.base_mhz == machine->base_mhz &&
        again.l3_kb == machine->l3_kb && again.tdp_mw == machine->tdp_mw);
}

/* Power is positive, bounded by its ends, and does not fall with the load. */
static void fuzz_curve(const struct jb_estimate_machine *machine)
{
    struct jb_estimate_curve curve;
    enum jb_estimate_level level = jb_estimate_curve(machine, &curve);

    if (level == JB_ESTIMATE_NONE) {
        fuzz_require(machine->chips == 0 || machine->memory_mb == 0 ||
                     machine->cores < machine->chips ||
                     machine->threads < machine->cores);
        return;
    }
    fuzz_require(level == curve.level && level <= JB_ESTIMATE_FULL);
    for (int i = 0; i < JB_ESTIMATE_LOADS; i++) {
        fuzz_require(curve.low_uw[i] > 0);
        fuzz_require(curve.low_uw[i] <= curve.expected_uw[i] &&
                     curve.expected_uw[i] <= curve.high_uw[i]);
        fuzz_require(i == 0 ||
                     curve.expected_uw[i - 1] <= curve.expected_uw[i]);
    }
}

/* The text up to the next newline, which is taken too; NULL when there is none.
 */
static char *fuzz_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    size_t length = end ? (size_t)(end - *data) : 0;
    char *text = end ? malloc(length + 1) : NULL;

    if (!text)
        return NULL;
    memcpy(text, *data, length);
    text[length] = '\0';
    *data += length + 1;
    *size -= length + 1;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *vendor = fuzz_line(&data, &size);
    char *name = fuzz_line(&data, &size);
    uint8_t numbers[FUZZ_NUMBERS] = { 0 };
    struct jb_estimate_machine machine;

    if (size > 0)
        memcpy(numbers, data, size < FUZZ_NUMBERS ? size : FUZZ_NUMBERS);
    machine = (struct jb_estimate_machine){
        .chips = numbers[2],
        .cores = numbers[3],
        .threads = numbers[4],
        .memory_mb = UINT32_C(1) << numbers[5] % 32,
    };
    fuzz_identify(name, vendor, numbers, &machine);
    fuzz_curve(&machine);
    free(vendor);
    free(name);
    return 0;
}
