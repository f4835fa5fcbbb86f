/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include "base/text.h"

static bool cgroup_parse(struct jb_word text, struct jb_cgroup_line *out)
{
    static const char gone[] = " (deleted)";
    struct jb_cgroup_line line = { 0 };
    struct jb_word number;
    uint64_t hierarchy;

    if (!jb_word_next(&text, ':', &number) ||
        !jb_text_u64(number.at, number.length, &hierarchy) ||
        hierarchy > UINT32_MAX || !jb_word_next(&text, ':', &line.controllers))
        return false;
    line.hierarchy = (uint32_t)hierarchy;
    line.path = text;
    if (line.path.length == 0 || line.path.at[0] != '/' ||
        line.path.at[-1] != ':')
        return false;
    if (jb_word_ends_in(line.path, gone)) {
        line.path.length -= sizeof(gone) - 1;
        line.deleted = true;
    }
    *out = line;
    return true;
}

bool jb_cgroup_next(struct jb_word *rest, struct jb_cgroup_line *out)
{
    struct jb_word line;

    while (jb_word_next(rest, '\n', &line))
        if (cgroup_parse(line, out))
            return true;
    return false;
}

bool jb_cgroup_has(const struct jb_cgroup_line *line, const char *controller)
{
    struct jb_word rest = line->controllers;
    struct jb_word one;

    if (line->hierarchy == 0 || *controller == '\0')
        return line->hierarchy == 0 && *controller == '\0';
    while (jb_word_next(&rest, ',', &one))
        if (jb_word_is(one, controller))
            return true;
    return false;
}
