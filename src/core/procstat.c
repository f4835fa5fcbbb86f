/* SPDX-License-Identifier: Apache-2.0 */
#include "procstat.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "joulebook/error.h"

enum {
    PROCSTAT_BYTES = 512, /* "cpu" and ten numbers of 20 digits take 214 */
    PROCSTAT_FIELDS_MIN = 4,
    PPM = 1000000,
};

/* proc(5), in the order of the line; guest and guest_nice, which follow, are
 * part of user and nice already. */
enum procstat_field {
    PROCSTAT_USER,
    PROCSTAT_NICE,
    PROCSTAT_SYSTEM,
    PROCSTAT_IDLE,
    PROCSTAT_IOWAIT,
    PROCSTAT_IRQ,
    PROCSTAT_SOFTIRQ,
    PROCSTAT_STEAL,
    PROCSTAT_COUNTED,
};

static bool procstat_add(struct jb_procstat *sum, size_t field, uint64_t ticks)
{
    bool idle = field == PROCSTAT_IDLE || field == PROCSTAT_IOWAIT;

    if (field >= PROCSTAT_COUNTED)
        return true;
    return idle ? !__builtin_add_overflow(sum->idle, ticks, &sum->idle)
                : !__builtin_add_overflow(sum->busy, ticks, &sum->busy);
}

bool jb_procstat_parse_fields(const char *text, size_t length,
                              struct jb_procstat *out)
{
    const char *end = text + length;
    struct jb_procstat sum = { 0 };
    size_t fields = 0;

    while (text < end) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        size_t digits = (size_t)((space ? space : end) - text);
        uint64_t ticks;

        if (digits > 0 && (!jb_text_u64(text, digits, &ticks) ||
                           !procstat_add(&sum, fields++, ticks)))
            return false;
        text += space ? digits + 1 : digits;
    }
    if (fields < PROCSTAT_FIELDS_MIN)
        return false;
    *out = sum;
    return true;
}

bool jb_procstat_parse(const char *text, size_t length, struct jb_procstat *out)
{
    static const char name[] = "cpu ";
    size_t skipped = sizeof(name) - 1;
    const char *end = length > 0 ? memchr(text, '\n', length) : NULL;

    if (!end || length < skipped || memcmp(text, name, skipped) != 0)
        return false;
    return jb_procstat_parse_fields(text + skipped,
                                    (size_t)(end - text) - skipped, out);
}

int jb_procstat_pread(int fd, struct jb_procstat *out)
{
    char text[PROCSTAT_BYTES];
    ssize_t got = jb_file_pread(fd, text, sizeof(text));

    if (got < 0)
        return jb_fail_errno(NULL, (int)-got, "pread");
    return jb_procstat_parse(text, (size_t)got, out) ? JB_OK : JB_EFORMAT;
}

bool jb_procstat_busy_ppm(const struct jb_procstat *from,
                          const struct jb_procstat *to, uint32_t *ppm)
{
    double busy = (double)(to->busy - from->busy);
    double idle = to->idle > from->idle ? (double)(to->idle - from->idle) : 0.0;

    if (to->busy < from->busy || busy + idle <= 0)
        return false;
    *ppm = (uint32_t)(busy / (busy + idle) * PPM + 0.5);
    return true;
}
