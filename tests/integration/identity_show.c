/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says who each cgroup belongs to, for tests that have only the command line.
 *
 *   identity_show WHAT...         one line each, as identity_text.h writes it
 *   identity_show --json WHAT...  interns them, books one unit to each, and
 *                                 says where the units went
 *
 * WHAT is path:/a/path, or a file in the form of /proc/<pid>/cgroup.
 */
#include <errno.h>

#include "base/file.h"
#include "identity/owner.h"
#include "identity/scope.h"
#include "identity_text.h"

enum { SHOW_FILE_MAX = 65536, SHOW_CONSUMERS = 100 };

/* The fixed consumers and the rest; and those in the second scope. */
struct show_books {
    struct jb_consumers *set;
    struct jb_scopes *scopes;
    unsigned booked[JB_CONSUMER_FIXED], rest;
    unsigned inside;
};

static int show_complain(const struct jb_error *err)
{
    fprintf(stderr, "identity_show: %s\n", err->text);
    return err->status == JB_EIMPLAUSIBLE ? 4 : 1; /* 4: our own sums */
}

/* text is where a file is read to, since an identity points into it. */
static int show_identify(const char *what, char *text,
                         struct jb_identity *identity,
                         struct jb_cgroup_line *line, struct jb_error *err)
{
    size_t length;
    int rc;

    *line = (struct jb_cgroup_line){ .path = jb_word_of("/") };
    if (strncmp(what, "path:", 5) == 0) {
        line->path = jb_word_of(what + 5);
        jb_identity_of_path(line->path, identity);
        return JB_OK;
    }
    rc = jb_file_read(what, text, SHOW_FILE_MAX, &length, err);
    if (rc == JB_OK)
        (void)jb_identity_of_file(text, length, identity, line);
    return rc;
}

static int show_line(const char *what, char *text, struct jb_error *err)
{
    static char out[IDENTITY_TEXT_MAX];
    struct jb_identity identity;
    struct jb_cgroup_line line;
    int rc = show_identify(what, text, &identity, &line, err);

    if (rc == JB_OK)
        printf("%s\n", identity_text(&identity, out));
    return rc;
}

static int show_book(struct show_books *books, const char *what, char *text,
                     struct jb_error *err)
{
    struct jb_identity identity;
    struct jb_cgroup_line line;
    struct jb_owner owner;
    uint32_t payer;
    int rc = show_identify(what, text, &identity, &line, err);

    if (rc < 0)
        return rc;
    jb_owner_init(books->set, &identity, 1, &owner);
    payer =
        owner.leaf == JB_CONSUMER_NONE ? JB_CONSUMER_UNATTRIBUTED : owner.leaf;
    if (payer < JB_CONSUMER_FIXED)
        books->booked[payer]++;
    else
        books->rest++;
    if (jb_scopes_find(books->scopes, line.path)->id != JB_SCOPE_HOST)
        books->inside++;
    return JB_OK;
}

static int show_open(struct show_books *books, struct jb_error *err)
{
    const struct jb_scope_package package = { 0, 4000 };
    struct jb_scope_spec spec = { .name = jb_word_of("test"),
                                  .path = jb_word_of("/slurm"),
                                  .capacity_mcpu = 4000,
                                  .packages = &package,
                                  .package_count = 1 };
    uint32_t id;
    int rc = jb_consumers_new(SHOW_CONSUMERS, &books->set, err);

    if (rc == JB_OK)
        rc = jb_scopes_new(&spec, &books->scopes, err);
    if (rc < 0)
        return rc;
    spec.kind = JB_SCOPE_KIND_NODE;
    return jb_scopes_add(books->scopes, &spec, &id, err);
}

static int show_json(char **what, int count, char *text, struct jb_error *err)
{
    struct show_books books = { 0 };
    int rc = show_open(&books, err);

    for (int i = 0; i < count && rc == JB_OK; i++)
        rc = show_book(&books, what[i], text, err);
    if (rc == JB_OK)
        printf("{\"asked\": %d, \"known\": %u, \"other\": %u, "
               "\"unattributed\": %u, \"inside\": %u, \"consumers\": %u}\n",
               count, books.rest, books.booked[JB_CONSUMER_OTHER],
               books.booked[JB_CONSUMER_UNATTRIBUTED], books.inside,
               (unsigned)jb_consumers_count(books.set));
    if (rc == JB_OK && books.rest + books.booked[JB_CONSUMER_OTHER] +
                               books.booked[JB_CONSUMER_UNATTRIBUTED] !=
                           (unsigned)count)
        rc = jb_fail(err, JB_EIMPLAUSIBLE, "units were lost");
    jb_consumers_free(books.set);
    jb_scopes_free(books.scopes);
    return rc;
}

int main(int argc, char **argv)
{
    static char text[SHOW_FILE_MAX];
    struct jb_error err = { .text = "wants a path or a file" };
    int rc = argc > 1 ? JB_OK : JB_EUSAGE;

    if (argc > 1 && strcmp(argv[1], "--json") == 0)
        rc = show_json(argv + 2, argc - 2, text, &err);
    else
        for (int i = 1; i < argc && rc == JB_OK; i++)
            rc = show_line(argv[i], text, &err);
    if (rc == JB_OK && fflush(stdout) != 0)
        rc = jb_fail_errno(&err, errno, "writing");
    return rc == JB_OK ? 0 : show_complain(&err);
}
