/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "identity/identity.h"

/* A piece is empty, or lies in the path and crosses no '/'. */
static void fuzz_piece(const uint8_t *data, size_t size, struct jb_word piece)
{
    const char *path = (const char *)data;

    if (piece.length == 0)
        return;
    fuzz_require(piece.at >= path && piece.length <= size);
    fuzz_require(piece.at + piece.length <= path + size);
    fuzz_require(!memchr(piece.at, '/', piece.length));
}

static void fuzz_pieces(const uint8_t *data, size_t size,
                        const struct jb_identity *identity)
{
    const struct jb_word pieces[] = {
        identity->node,      identity->job_name,
        identity->container, identity->outer_container,
        identity->pod,       identity->machine,
        identity->unit,      identity->outer_unit,
        identity->slice,     identity->user,
    };

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        fuzz_piece(data, size, pieces[i]);
}

/* What the header promises of fields that belong together. */
static void fuzz_together(const struct jb_identity *identity)
{
    bool job = identity->scheduler != JB_SCHEDULER_NONE;

    fuzz_require(job == (identity->job_name.length > 0));
    fuzz_require(job == (identity->job != 0 || identity->sluid != 0));
    fuzz_require(job || identity->step_kind == JB_STEP_NONE);
    fuzz_require(identity->step_kind != JB_STEP_NONE ||
                 identity->task == JB_TASK_NONE);
    fuzz_require((identity->runtime != JB_RUNTIME_NONE) ==
                 (identity->container.length > 0));
    fuzz_require((identity->outer_runtime != JB_RUNTIME_NONE) ==
                 (identity->outer_container.length > 0));
    fuzz_require((identity->container.length > 0) ==
                 (identity->outer_container.length > 0));
    fuzz_require((identity->machine_runtime != JB_RUNTIME_NONE) ==
                 (identity->machine.length > 0));
    fuzz_require((identity->unit.length > 0) ==
                 (identity->outer_unit.length > 0));
}

static void fuzz_plain(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    fuzz_require(length < size);
    for (size_t i = 0; i < length; i++)
        fuzz_require(text[i] > ' ' && text[i] < '\x7f');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_word path = { (const char *)data, size };
    struct jb_identity identity;
    struct jb_identity again;
    struct jb_word stem;
    struct jb_word instance;
    char step[JB_STEP_NAME_MAX];
    char uid[JB_POD_UID_MAX];
    char plain[20];

    jb_identity_of_path(path, &identity);
    jb_identity_of_path(path, &again);
    fuzz_require(identity.job == again.job &&
                 identity.unit.at == again.unit.at);
    fuzz_pieces(data, size, &identity);
    fuzz_together(&identity);
    fuzz_plain(jb_identity_step_name(&identity, step), sizeof(step));
    fuzz_plain(jb_pod_uid(&identity, uid), sizeof(uid));
    fuzz_plain(jb_unit_plain(path, plain, sizeof(plain)), sizeof(plain));
    if (jb_unit_template(identity.unit, &stem, &instance))
        fuzz_require(stem.length + instance.length + 2 <= identity.unit.length);
    return 0;
}
