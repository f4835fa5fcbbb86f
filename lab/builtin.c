/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in layouts.  Each one has the trap that a class of real machines
 * has; they are kept as texts so that `docs/reference/lab.md` and a user's
 * first own layout can start from them. */
#include "layout.h"

#include <string.h>

/* A laptop or desktop: one package with core and uncore, and psys as a zone of
 * its own beside the package that it contains. */
static const char builtin_client[] =
    "layout client\n"
    "zone path=intel-rapl:0 name=package-0 in=intel-rapl:1 wave=const:2W"
    " limit=long_term,45W,45W,27983872us limit=short_term,-,60W,2440us\n"
    "zone path=intel-rapl:0:0 name=core in=intel-rapl:0 enabled=0"
    " wave=square:4W,24W,200ms,80ms limit=long_term,-,0W,976us\n"
    "zone path=intel-rapl:0:1 name=uncore in=intel-rapl:0 enabled=0"
    " wave=triangle:1W,3W,500ms limit=long_term,-,0W,976us\n"
    "zone path=intel-rapl:1 name=psys wave=const:9W"
    " limit=long_term,-,280W,999424us\n"
    "meter interval=1s lag=2.7s rest=const:6W\n";

/* Two sockets whose zone numbers are not their package numbers; dram lies in
 * the package's directory, is not part of its energy, and counts in 15.3 uJ. */
static const char builtin_server[] =
    "layout server\n"
    "zone path=intel-rapl:0 name=package-1"
    " wave=const:40W+square:0W,90W,1s,350ms"
    " limit=long_term,165W,165W,999424us limit=short_term,413W,198W,7808us\n"
    "zone path=intel-rapl:0:0 name=dram unit=15300nJ"
    " wave=triangle:4W,14W,700ms limit=long_term,41.25W,0W,976us\n"
    "zone path=intel-rapl:1 name=package-0"
    " wave=const:35W+ramp:0W,110W,1.3s"
    " limit=long_term,165W,165W,999424us limit=short_term,413W,198W,7808us\n"
    "zone path=intel-rapl:1:0 name=dram unit=15300nJ"
    " wave=steps:3W@200ms,9W@100ms,5W@400ms\n"
    "meter interval=1s lag=2.7s rest=const:85W\n";

/* Everything at once: psys over both sockets and their dram, core in package,
 * and an MMIO zone that serves package-0's counter a second time. */
#define BUILTIN_FULL_ZONES(RANGE, DRAM_RANGE)                                    \
    "zone path=intel-rapl:0 name=package-0 in=intel-rapl:2" RANGE                \
    " wave=const:12W limit=long_term,165W,165W,999424us"                         \
    " limit=short_term,-,198W,7808us\n"                                          \
    "zone path=intel-rapl:0:0 name=core in=intel-rapl:0" RANGE                   \
    " wave=square:10W,70W,400ms,150ms\n"                                         \
    "zone path=intel-rapl:0:1 name=dram in=intel-rapl:2 unit=15300nJ" DRAM_RANGE \
    " wave=triangle:3W,9W,600ms\n"                                               \
    "zone path=intel-rapl:1 name=package-1 in=intel-rapl:2" RANGE                \
    " wave=const:11W limit=long_term,165W,165W,999424us"                         \
    " limit=short_term,-,198W,7808us\n"                                          \
    "zone path=intel-rapl:1:0 name=core in=intel-rapl:1" RANGE                   \
    " wave=ramp:5W,60W,900ms\n"                                                  \
    "zone path=intel-rapl:1:1 name=dram in=intel-rapl:2 unit=15300nJ" DRAM_RANGE \
    " wave=steps:3W@200ms,8W@100ms\n"                                            \
    "zone path=intel-rapl:2 name=psys" RANGE " wave=const:31W\n"                 \
    "zone path=intel-rapl-mmio:0 name=package-0 mirror=intel-rapl:0"             \
    " limit=long_term,165W,165W,27983872us\n"                                    \
    "meter interval=1s lag=2.7s rest=const:24W\n"

static const char builtin_full[] = "layout full\n" BUILTIN_FULL_ZONES("", "");

/* The same with a range of 800 J, so that counters wrap within seconds. */
static const char builtin_fast[] = "layout fast\n" BUILTIN_FULL_ZONES(
    " modulus=13107200", " modulus=52287581");

/* AMD through the same driver: the finer unit, a zone named core, no limits,
 * no dram, and the newer rendering without the truncated unit. */
static const char builtin_amd[] =
    "layout amd\n"
    "zone path=intel-rapl:0 name=package-0 unit=2^-16 shown=exact"
    " wave=const:55W+square:0W,160W,800ms,300ms\n"
    "zone path=intel-rapl:0:0 name=core in=intel-rapl:0 unit=2^-16"
    " shown=exact wave=triangle:6W,16W,250ms\n"
    "meter interval=1s lag=2.7s rest=const:95W\n";

/* A two-socket Intel server (Cascade Lake) whose DRAM counts in 2^-16 J while
 * powercap prints it in units of 15.3 uJ; its registers tell.  0x606 is the
 * unit register (2^-3 W, 2^-14 J), 0x614 the TDP of 165 W, 0x61c that of DRAM,
 * 41.25 W. */
static const char builtin_xeon[] =
    "layout xeon\n"
    "cpu vendor=GenuineIntel family=6 model=85 stepping=7 count=4 packages=2"
    " register=0x606:0xa0e03 register=0x614:0x528"
    " register=0x61c:0x14a\n"
    "zone path=intel-rapl:0 name=package-0 msr=0x611@0"
    " wave=const:40W+square:0W,90W,1s,350ms"
    " limit=long_term,165W,165W,999424us limit=short_term,413W,198W,7808us\n"
    "zone path=intel-rapl:0:0 name=dram unit=2^-16 shown=15300nJ msr=0x619@0"
    " wave=triangle:4W,14W,700ms limit=long_term,41.25W,0W,976us\n"
    "zone path=intel-rapl:1 name=package-1 msr=0x611@1"
    " wave=const:35W+ramp:0W,110W,1.3s"
    " limit=long_term,165W,165W,999424us limit=short_term,413W,198W,7808us\n"
    "zone path=intel-rapl:1:0 name=dram unit=2^-16 shown=15300nJ msr=0x619@1"
    " wave=steps:3W@200ms,9W@100ms,5W@400ms\n"
    "temperature chip=coretemp label=Package_id_0 thermal=x86_pkg_temp"
    " of=intel-rapl:0 ambient=32C rise=300mC/W\n"
    "temperature chip=coretemp label=Package_id_1 thermal=x86_pkg_temp"
    " of=intel-rapl:1 ambient=31C rise=310mC/W\n"
    "policy cpus=0 of=intel-rapl:0 min=1000MHz base=2100MHz max=3700MHz"
    " full=165W\n"
    "policy cpus=1 of=intel-rapl:0 min=1000MHz base=2100MHz max=3700MHz"
    " full=165W\n"
    "policy cpus=2-3 of=intel-rapl:1 min=1000MHz base=2100MHz max=3500MHz"
    " full=165W\n"
    "meter interval=1s lag=2.7s rest=const:85W\n";

/* An AMD server (family 19h): 0xc001029b is the package's counter, and
 * 0xc001029a that of one core, which powercap shows as the zone core.  Here it
 * is the first core of the only package. */
static const char builtin_epyc[] =
    "layout epyc\n"
    "cpu vendor=AuthenticAMD family=25 model=1 stepping=1 count=2"
    " register=0xc0010299:0xa1003\n"
    "zone path=intel-rapl:0 name=package-0 unit=2^-16 shown=exact"
    " msr=0xc001029b@0 wave=const:55W+square:0W,160W,800ms,300ms\n"
    "zone path=intel-rapl:0:0 name=core in=intel-rapl:0 unit=2^-16"
    " shown=exact msr=0xc001029a@0 wave=triangle:6W,16W,250ms\n"
    "temperature chip=k10temp label=Tctl of=intel-rapl:0 ambient=30C"
    " rise=210mC/W\n"
    "policy cpus=0 of=intel-rapl:0:0 min=1500MHz max=3400MHz full=20W\n"
    "policy cpus=1 of=intel-rapl:0:0 min=1500MHz max=3400MHz full=20W\n"
    "meter interval=1s lag=2.7s rest=const:95W\n";

static const struct {
    const char *name;
    const char *text;
} builtin_layouts[] = {
    { "client", builtin_client }, { "server", builtin_server },
    { "full", builtin_full },     { "amd", builtin_amd },
    { "fast", builtin_fast },     { "xeon", builtin_xeon },
    { "epyc", builtin_epyc },
};

const char *jb_lab_layout_builtin(const char *name)
{
    size_t count = sizeof(builtin_layouts) / sizeof(builtin_layouts[0]);

    for (size_t i = 0; i < count; i++)
        if (strcmp(builtin_layouts[i].name, name) == 0)
            return builtin_layouts[i].text;
    return NULL;
}
