/* SPDX-License-Identifier: Apache-2.0 */
#include "module.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

#include "file.h"

enum { MODULE_PLACES = 2 };

/* Something whose address tells which file this code is in. */
static const char module_anchor = 0;

static bool module_name_valid(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return length > 0 && name[length] == '\0';
}

/* NULL when it is not there, or does not load: *why is dlerror()'s text then.
 */
static void *module_open_below(const char *directory, const char *name,
                               const char **why)
{
    char path[JB_PATH_MAX];
    void *library;

    if (!directory || jb_path(path, NULL, "%s/%s.so", directory, name) != JB_OK)
        return NULL;
    if (access(path, F_OK) != 0)
        return NULL;
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        *why = dlerror();
    return library;
}

/* In one of several places, relative to the directory of a file. */
static void *module_open_near(const char *file,
                              const char *const places[MODULE_PLACES],
                              const char *name, const char **why)
{
    char home[JB_PATH_MAX];
    void *library = NULL;

    if (jb_path(home, NULL, "%s", file) != JB_OK)
        return NULL;
    for (size_t i = 0; !library && i < MODULE_PLACES; i++) {
        char directory[JB_PATH_MAX];

        if (jb_path(directory, NULL, "%.*s/%s",
                    (int)(strrchr(home, '/') - home), home, places[i]) == JB_OK)
            library = module_open_below(directory, name, why);
    }
    return library;
}

/* In a build tree, and where it is installed. */
static void *module_open_near_program(const char *name, const char **why)
{
    static const char *const places[MODULE_PLACES] = {
        "modules", JB_MODULES_FROM_PROGRAM
    };
    char program[JB_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (length <= 0 || program[0] != '/')
        return NULL;
    program[length] = '\0';
    return module_open_near(program, places, name, why);
}

/* This code may be in a library that somebody else's program uses.  Where that
 * program has raised privileges, whoever started it could have chosen which
 * library it is. */
static void *module_open_near_library(const char *name, const char **why)
{
    static const char *const places[MODULE_PLACES] = {
        "modules", JB_MODULES_FROM_LIBRARY
    };
    Dl_info self;

    if (getauxval(AT_SECURE) || !dladdr(&module_anchor, &self) ||
        !self.dli_fname || self.dli_fname[0] != '/')
        return NULL;
    return module_open_near(self.dli_fname, places, name, why);
}

static int module_fail(const char *name, const char *why, struct jb_error *err)
{
    if (why) {
        jb_fail(err, JB_EFORMAT, "module %s: %s", name, why);
        jb_error_set_fix(err, "reinstall joulebook-%s and what it needs", name);
        return JB_EFORMAT;
    }
    jb_fail(err, JB_EABSENT, "module %s: not installed", name);
    jb_error_set_fix(err, "install joulebook-%s, or build with it", name);
    return JB_EABSENT;
}

int jb_module_load(const char *name, enum jb_module_kind kind,
                   const void **out_descriptor, struct jb_error *err)
{
    const struct jb_module *module;
    const char *why = NULL;
    void *library;

    if (!module_name_valid(name))
        return jb_fail(err, JB_EUSAGE, "'%s' is no module name", name);
    library = module_open_below(secure_getenv("JOULEBOOK_MODULES"), name, &why);
    if (!library)
        library = module_open_near_program(name, &why);
    if (!library)
        library = module_open_near_library(name, &why);
    if (!library)
        return module_fail(name, why, err);
    module = dlsym(library, JB_MODULE_SYMBOL);
    if (!module || module->abi != JB_MODULE_ABI || module->kind != kind ||
        strcmp(module->name, name) != 0) {
        dlclose(library);
        return jb_fail(err, JB_EFORMAT,
                       "module %s was built for another version", name);
    }
    *out_descriptor = module->descriptor;
    return JB_OK;
}
