/* SPDX-License-Identifier: Apache-2.0 */
#include "scope.h"

#include <stdbool.h>
#include <string.h>

#include "cgroup.h"

/* The scope with what it owns behind it. */
struct scope_entry {
    struct jb_scope view;
    struct jb_scope_package *packages;
    char path[];
};

/* Longest path first; among equals the order does not matter. */
struct jb_scopes {
    struct scope_entry **entries;
    size_t count;
    uint32_t next_id;
};

/* Without '/' at the end, but for the root itself. */
static struct jb_word scope_trimmed(struct jb_word path)
{
    while (path.length > 1 && path.at[path.length - 1] == '/')
        path.length--;
    return path;
}

static bool scope_contains(struct jb_word outer, struct jb_word inner)
{
    if (outer.length == 1)
        return true;
    return inner.length >= outer.length &&
           memcmp(inner.at, outer.at, outer.length) == 0 &&
           (inner.length == outer.length || inner.at[outer.length] == '/');
}

static bool scope_path_is_good(struct jb_word path)
{
    struct jb_word name;

    if (path.length == 0 || path.at[0] != '/')
        return false;
    if (path.length == 1)
        return true;
    path.at++;
    path.length--;
    while (jb_word_next(&path, '/', &name))
        if (name.length == 0 || jb_word_is(name, ".") || jb_word_is(name, ".."))
            return false;
    return true;
}

static bool scope_capacity_is_good(const struct jb_scope_spec *spec)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < spec->package_count; i++) {
        if (i > 0 && spec->packages[i].package <= spec->packages[i - 1].package)
            return false;
        if (__builtin_add_overflow(sum, spec->packages[i].capacity_mcpu, &sum))
            return false;
    }
    return spec->capacity_mcpu > 0 && sum <= spec->capacity_mcpu;
}

static const struct jb_scope *scope_with_path(const struct jb_scopes *scopes,
                                              struct jb_word path)
{
    for (size_t i = 0; i < scopes->count; i++)
        if (jb_word_equal(scopes->entries[i]->view.path, path))
            return &scopes->entries[i]->view;
    return NULL;
}

static int scope_check(const struct jb_scopes *scopes,
                       const struct jb_scope_spec *spec, struct jb_word path,
                       struct jb_error *err)
{
    char name[JB_SCOPE_NAME_MAX];

    jb_word_plain(spec->name, name, sizeof(name));
    if (path.length > JB_CGROUP_PATH_MAX ||
        spec->package_count > JB_SCOPE_PACKAGES_MAX)
        return jb_fail(err, JB_ELIMIT,
                       "scope \"%s\": a path of %zu bytes, %zu packages", name,
                       path.length, spec->package_count);
    if (!scope_path_is_good(path) ||
        (path.length == 1) != (spec->kind == JB_SCOPE_KIND_HOST))
        return jb_fail(err, JB_EUSAGE,
                       "scope \"%s\": its path is not absolute, not plain, "
                       "or only the host's",
                       name);
    if (!scope_capacity_is_good(spec))
        return jb_fail(err, JB_EUSAGE,
                       "scope \"%s\": no capacity, or packages that do not "
                       "ascend or are larger than the whole",
                       name);
    if (scope_with_path(scopes, path))
        return jb_fail(err, JB_EUSAGE, "scope \"%s\": \"%s\" has its path",
                       name, scope_with_path(scopes, path)->name);
    if (scopes->count >= JB_SCOPES_MAX)
        return jb_fail(err, JB_ELIMIT, "scope \"%s\": there are %d already",
                       name, (int)JB_SCOPES_MAX);
    return JB_OK;
}

static void scope_free(struct scope_entry *entry)
{
    if (entry)
        free(entry->packages);
    free(entry);
}

static struct scope_entry *scope_copy(const struct jb_scope_spec *spec,
                                      struct jb_word path)
{
    size_t bytes = spec->package_count * sizeof(*spec->packages);
    struct scope_entry *entry = calloc(1, sizeof(*entry) + path.length);

    if (!entry)
        return NULL;
    if (bytes > 0) {
        entry->packages = malloc(bytes);
        if (!entry->packages) {
            scope_free(entry);
            return NULL;
        }
        memcpy(entry->packages, spec->packages, bytes);
    }
    memcpy(entry->path, path.at, path.length);
    entry->view = (struct jb_scope){
        .kind = spec->kind,
        .capacity_mcpu = spec->capacity_mcpu,
        .packages = entry->packages,
        .package_count = spec->package_count,
        .path = { entry->path, path.length },
    };
    jb_word_plain(spec->name, entry->view.name, sizeof(entry->view.name));
    return entry;
}

static void scope_insert(struct jb_scopes *scopes, struct scope_entry *entry)
{
    size_t at = 0;

    while (at < scopes->count &&
           scopes->entries[at]->view.path.length >= entry->view.path.length)
        at++;
    memmove(&scopes->entries[at + 1], &scopes->entries[at],
            (scopes->count - at) * sizeof(struct scope_entry *));
    scopes->entries[at] = entry;
    scopes->count++;
}

int jb_scopes_add(struct jb_scopes *scopes, const struct jb_scope_spec *spec,
                  uint32_t *id, struct jb_error *err)
{
    struct jb_word path = scope_trimmed(spec->path);
    struct scope_entry **entries;
    struct scope_entry *entry;
    int rc = scope_check(scopes, spec, path, err);

    if (rc < 0)
        return rc;
    entries = realloc(scopes->entries,
                      (scopes->count + 1) * sizeof(struct scope_entry *));
    if (!entries)
        return jb_fail(err, JB_ENOMEM, "no memory for a scope");
    scopes->entries = entries;
    entry = scope_copy(spec, path);
    if (!entry)
        return jb_fail(err, JB_ENOMEM, "no memory for a scope");
    entry->view.id = scopes->next_id++;
    scope_insert(scopes, entry);
    *id = entry->view.id;
    return JB_OK;
}

int jb_scopes_new(const struct jb_scope_spec *host, struct jb_scopes **out,
                  struct jb_error *err)
{
    struct jb_scope_spec spec = *host;
    struct jb_scopes *scopes = calloc(1, sizeof(*scopes));
    uint32_t id;
    int rc;

    if (!scopes)
        return jb_fail(err, JB_ENOMEM, "no memory for scopes");
    spec.kind = JB_SCOPE_KIND_HOST;
    spec.path = jb_word_of("/");
    rc = jb_scopes_add(scopes, &spec, &id, err);
    if (rc < 0) {
        jb_scopes_free(scopes);
        return rc;
    }
    *out = scopes;
    return JB_OK;
}

void jb_scopes_free(struct jb_scopes *scopes)
{
    if (!scopes)
        return;
    for (size_t i = 0; i < scopes->count; i++)
        scope_free(scopes->entries[i]);
    free(scopes->entries);
    free(scopes);
}

static size_t scope_index(const struct jb_scopes *scopes, uint32_t id)
{
    size_t i = 0;

    while (i < scopes->count && scopes->entries[i]->view.id != id)
        i++;
    return i;
}

void jb_scopes_remove(struct jb_scopes *scopes, uint32_t id)
{
    size_t at = scope_index(scopes, id);

    if (at == scopes->count || id == JB_SCOPE_HOST)
        return;
    scope_free(scopes->entries[at]);
    scopes->count--;
    memmove(&scopes->entries[at], &scopes->entries[at + 1],
            (scopes->count - at) * sizeof(struct scope_entry *));
}

/* The first from an index on that contains the path; the host is the last. */
static const struct jb_scope *scope_around(const struct jb_scopes *scopes,
                                           size_t from, struct jb_word path)
{
    for (size_t i = from; i < scopes->count; i++)
        if (scope_contains(scopes->entries[i]->view.path, path))
            return &scopes->entries[i]->view;
    return NULL;
}

const struct jb_scope *jb_scopes_find(const struct jb_scopes *scopes,
                                      struct jb_word path)
{
    return scope_around(scopes, 0, scope_trimmed(path));
}

const struct jb_scope *jb_scopes_get(const struct jb_scopes *scopes,
                                     uint32_t id)
{
    return jb_scopes_at(scopes, scope_index(scopes, id));
}

uint32_t jb_scopes_parent(const struct jb_scopes *scopes, uint32_t id)
{
    size_t at = scope_index(scopes, id);
    const struct jb_scope *around;

    if (at == scopes->count)
        return JB_SCOPE_NONE;
    around = scope_around(scopes, at + 1, scopes->entries[at]->view.path);
    return around ? around->id : JB_SCOPE_NONE;
}

size_t jb_scopes_count(const struct jb_scopes *scopes)
{
    return scopes->count;
}

const struct jb_scope *jb_scopes_at(const struct jb_scopes *scopes,
                                    size_t index)
{
    return index < scopes->count ? &scopes->entries[index]->view : NULL;
}

const char *jb_scope_kind_name(enum jb_scope_kind kind)
{
    static const char *const names[] = { "host", "node", "container", "guest" };

    return names[kind];
}
