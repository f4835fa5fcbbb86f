/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An identity as one line, "job=4 step=0 task=0 unit=slurmstepd.scope", so
 * that tables of expectations can be read.  What is not known is not there.
 */
#ifndef JB_TESTS_UNIT_IDENTITY_TEXT_H
#define JB_TESTS_UNIT_IDENTITY_TEXT_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "identity/identity.h"

enum { IDENTITY_TEXT_MAX = 16384 };

static inline void identity_text_add(char out[IDENTITY_TEXT_MAX],
                                     const char *key, const char *value)
{
    size_t used = strlen(out);

    if (*value)
        snprintf(out + used, IDENTITY_TEXT_MAX - used, "%s%s=%s",
                 used ? " " : "", key, value);
}

static inline void identity_text_add_word(char out[IDENTITY_TEXT_MAX],
                                          const char *key, struct jb_word word)
{
    char value[JB_CGROUP_PATH_MAX + 1];

    identity_text_add(out, key, jb_word_plain(word, value, sizeof(value)));
}

static inline void identity_text_add_number(char out[IDENTITY_TEXT_MAX],
                                            const char *key, uint64_t number,
                                            bool known)
{
    char value[32];

    snprintf(value, sizeof(value), "%" PRIu64, number);
    identity_text_add(out, key, known ? value : "");
}

static inline void
identity_text_add_container(char out[IDENTITY_TEXT_MAX],
                            const struct jb_identity *identity)
{
    bool nested = identity->outer_container.at != identity->container.at;

    identity_text_add(out, "runtime", jb_runtime_name(identity->runtime));
    identity_text_add_word(out, "container", identity->container);
    if (nested) {
        identity_text_add(out, "in", jb_runtime_name(identity->outer_runtime));
        identity_text_add_word(out, "outer", identity->outer_container);
    }
    identity_text_add_word(out, "pod", identity->pod);
    identity_text_add(out, "qos", jb_pod_qos_name(identity->qos));
    identity_text_add(out, "vm", jb_runtime_name(identity->machine_runtime));
    identity_text_add_word(out, "machine", identity->machine);
}

static inline const char *identity_text(const struct jb_identity *identity,
                                        char out[IDENTITY_TEXT_MAX])
{
    bool nested = identity->outer_unit.at != identity->unit.at;
    char step[JB_STEP_NAME_MAX];

    out[0] = '\0';
    identity_text_add(out, "by", jb_scheduler_name(identity->scheduler));
    identity_text_add_word(out, "node", identity->node);
    identity_text_add_word(out, "job", identity->job_name);
    identity_text_add_number(out, "raw", identity->job, identity->job != 0);
    identity_text_add_number(out, "sluid", identity->sluid,
                             identity->sluid != 0);
    identity_text_add(out, "step", jb_identity_step_name(identity, step));
    if (identity->task == JB_TASK_SPECIAL)
        identity_text_add(out, "task", "special");
    else
        identity_text_add_number(out, "task", identity->task,
                                 identity->task != JB_TASK_NONE);
    identity_text_add_container(out, identity);
    identity_text_add_word(out, "unit", identity->unit);
    if (nested)
        identity_text_add_word(out, "host-unit", identity->outer_unit);
    identity_text_add_word(out, "slice", identity->slice);
    identity_text_add_word(out, "user", identity->user);
    identity_text_add_number(out, "uid", identity->uid,
                             identity->uid != JB_UID_NONE);
    identity_text_add(out, "is", identity->overhead ? "overhead" : "");
    identity_text_add(out, "made", identity->delegated ? "by-user" : "");
    identity_text_add(out, "seen", identity->relative ? "from-inside" : "");
    return out;
}

#endif
