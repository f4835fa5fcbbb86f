/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <stdio.h>
#include <string.h>

#include "base/module.h"
#include "inside.h"

static bool machine_in_list(const char *list, const char *name)
{
    size_t length = strlen(name);

    while (list && *list) {
        size_t part = strcspn(list, ",");

        if (part == length && strncmp(list, name, length) == 0)
            return true;
        list += part + (list[part] == ',');
    }
    return false;
}

/* "package" stands for every package, "package-0" for one. */
static bool machine_wants_domain(const char *list,
                                 const struct jb_domain *domain)
{
    char name[JB_DOMAIN_NAME_MAX];
    char stem[JB_DOMAIN_NAME_MAX];

    if (!list)
        return true;
    jb_domain_name(domain, name);
    memcpy(stem, name, sizeof(stem));
    stem[strcspn(stem, "-")] = '\0';
    return machine_in_list(list, name) || machine_in_list(list, stem);
}

static bool machine_is_name(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && strncmp(name, text, length) == 0;
}

static bool machine_source_exists(const char *name, size_t length)
{
    for (size_t i = 0; jb_sources[i]; i++)
        if (machine_is_name(jb_sources[i]->name, name, length))
            return true;
    for (size_t i = 0; jb_module_sources[i]; i++)
        if (machine_is_name(jb_module_sources[i], name, length))
            return true;
    for (size_t i = 0; jb_request_sources[i]; i++)
        if (machine_is_name(jb_request_sources[i], name, length))
            return true;
    return false;
}

static bool machine_domain_exists(const char *name, size_t length)
{
    char whole[JB_DOMAIN_NAME_MAX * 2];
    struct jb_domain domain;

    if (length >= JB_DOMAIN_NAME_MAX)
        return false;
    snprintf(whole, sizeof(whole), "%.*s-0", (int)length, name);
    if (jb_domain_parse(whole, &domain))
        return true;
    whole[length] = '\0';
    return jb_domain_parse(whole, &domain);
}

/* A mistyped name must not silently mean "nothing". */
static int machine_check_list(const char *list, const char *what,
                              bool (*exists)(const char *, size_t),
                              struct jb_error *err)
{
    if (list && !*list)
        return jb_fail(err, JB_EUSAGE, "no %s is named", what);
    while (list && *list) {
        size_t part = strcspn(list, ",");

        if (!exists(list, part))
            return jb_fail(err, JB_EUSAGE, "there is no %s '%.*s'", what,
                           (int)part, list);
        list += part + (list[part] == ',');
    }
    return JB_OK;
}

static int machine_apply_settings(const struct jb_source_setting *settings,
                                  const struct jb_machine_source *source,
                                  struct jb_error *err)
{
    const struct jb_source_desc *desc = source->desc;
    int rc = JB_OK;

    for (; rc == JB_OK && settings && settings->source; settings++) {
        const struct jb_option *option;

        if (strcmp(settings->source, desc->name) != 0)
            continue;
        option = desc->options ? jb_option_find(desc->options, settings->option)
                               : NULL;
        rc = option
                 ? jb_option_set(option, source->options, settings->value, err)
                 : jb_fail(err, JB_EUSAGE, "%s has no option %s", desc->name,
                           settings->option);
    }
    return rc;
}

static int machine_source_options(const struct jb_machine_config *config,
                                  struct jb_machine_source *source,
                                  struct jb_error *err)
{
    const struct jb_source_desc *desc = source->desc;
    int rc;

    source->options = calloc(1, desc->options_size + 1);
    if (!source->options)
        return jb_fail(err, JB_ENOMEM, "options of %s", desc->name);
    rc = jb_options_init(desc->options, source->options, err);
    if (rc == JB_OK && config->config)
        rc = jb_config_apply(config->config, desc->name, desc->options,
                             source->options, err);
    if (rc == JB_OK)
        rc = machine_apply_settings(config->settings, source, err);
    return rc;
}

static bool machine_is_wanted(const struct jb_machine_config *config,
                              struct jb_machine_source *source)
{
    if (config->sources && !machine_in_list(config->sources, source->name)) {
        jb_fail(&source->why, JB_EREFUSED, "not selected");
        return false;
    }
    if (source->desc && config->quantities &&
        !(config->quantities & source->desc->quantities)) {
        jb_fail(&source->why, JB_EREFUSED, "not needed");
        return false;
    }
    if (source->desc && config->direct &&
        source->desc->flags & JB_SOURCE_RELAY) {
        jb_fail(&source->why, JB_EREFUSED, "meters are read directly here");
        return false;
    }
    return true;
}

/* What keeps a source from opening is in its why; only what keeps the machine
 * from opening is returned. */
static int machine_open_source(struct jb_machine *machine,
                               const struct jb_machine_config *config,
                               struct jb_machine_source *source,
                               struct jb_error *err)
{
    const struct jb_source_desc *desc = source->desc;
    int rc = machine_source_options(config, source, err);

    if (rc < 0)
        return rc;
    rc =
        desc->open(config->env, source->options, &source->handle, &source->why);
    if (rc == JB_ENOMEM)
        return jb_fail(err, rc, "opening %s: %s", desc->name, source->why.text);
    if (rc == JB_OK) {
        source->why = (struct jb_error){ 0 };
        source->sensors = desc->sensors(source->handle, &source->sensor_count);
    }
    machine->sensor_count += source->sensor_count;
    return JB_OK;
}

static int machine_open_builtin(struct jb_machine *machine,
                                const struct jb_machine_config *config,
                                struct jb_error *err)
{
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && jb_sources[i]; i++) {
        struct jb_machine_source *source =
            &machine->sources[machine->source_count++];

        source->desc = jb_sources[i];
        source->name = source->desc->name;
        source->first = machine->sensor_count;
        if (machine_is_wanted(config, source))
            rc = machine_open_source(machine, config, source, err);
    }
    return rc;
}

static bool machine_is_account(const struct jb_sensor *sensor)
{
    return sensor->domain.kind != JB_DOMAIN_NONE &&
           (sensor->unit.quantity == JB_QUANTITY_ENERGY ||
            sensor->unit.quantity == JB_QUANTITY_POWER);
}

/* A counter that has never counted is what virtual machines show for a meter:
 * only a reading that is not 0 says that this machine measures. */
static bool machine_sensor_measures(const struct jb_machine_source *source,
                                    uint32_t i)
{
    const struct jb_sensor *about = &source->sensors[i];
    struct jb_sample sample;

    if (about->state != JB_OK || !machine_is_account(about))
        return false;
    if (about->flags & JB_SENSOR_MAY_BLOCK)
        return true;
    source->desc->sample(source->handle, &i, 1, &sample);
    return sample.state == JB_OK && sample.raw != 0;
}

static bool machine_measures(const struct jb_machine *machine)
{
    for (size_t s = 0; s < machine->source_count; s++)
        for (size_t i = 0; i < machine->sources[s].sensor_count; i++)
            if (machine_sensor_measures(&machine->sources[s], (uint32_t)i))
                return true;
    return false;
}

static int machine_open_module(struct jb_machine *machine,
                               const struct jb_machine_config *config,
                               struct jb_machine_source *source,
                               struct jb_error *err)
{
    const void *desc = NULL;

    if (jb_module_load(source->name, JB_MODULE_SOURCE, &desc, &source->why) < 0)
        return JB_OK;
    source->desc = desc;
    if (!machine_is_wanted(config, source))
        return JB_OK;
    return machine_open_source(machine, config, source, err);
}

/* Those that nobody named are not even listed. */
static int machine_open_requested(struct jb_machine *machine,
                                  const struct jb_machine_config *config,
                                  struct jb_error *err)
{
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && jb_request_sources[i]; i++) {
        struct jb_machine_source *source =
            &machine->sources[machine->source_count];

        if (!machine_in_list(config->sources, jb_request_sources[i]))
            continue;
        machine->source_count++;
        source->name = jb_request_sources[i];
        source->first = machine->sensor_count;
        rc = machine_open_module(machine, config, source, err);
    }
    return rc;
}

static int machine_open_modules(struct jb_machine *machine,
                                const struct jb_machine_config *config,
                                struct jb_error *err)
{
    bool needed = config->all_modules || config->sources ||
                  (!config->still && !machine_measures(machine));
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && jb_module_sources[i]; i++) {
        struct jb_machine_source *source =
            &machine->sources[machine->source_count++];

        source->name = jb_module_sources[i];
        source->first = machine->sensor_count;
        if (!machine_is_wanted(config, source))
            continue;
        if (!needed) {
            jb_fail(&source->why, JB_EREFUSED, "not needed");
            continue;
        }
        rc = machine_open_module(machine, config, source, err);
    }
    return rc;
}

static int machine_open_sources(struct jb_machine *machine,
                                const struct jb_machine_config *config,
                                struct jb_error *err)
{
    size_t count = 0;
    int rc;

    for (size_t i = 0; jb_sources[i]; i++)
        count++;
    for (size_t i = 0; jb_module_sources[i]; i++)
        count++;
    for (size_t i = 0; jb_request_sources[i]; i++)
        count++;
    machine->sources = calloc(count + 1, sizeof(*machine->sources));
    if (!machine->sources)
        return jb_fail(err, JB_ENOMEM, "%zu sources", count);
    rc = machine_open_builtin(machine, config, err);
    if (rc == JB_OK)
        rc = machine_open_modules(machine, config, err);
    return rc == JB_OK ? machine_open_requested(machine, config, err) : rc;
}

/* Measured before estimated, a primary view before a mirror, then the rank; of
 * equals the earlier in the registry. */
static int machine_preference(const struct jb_sensor *sensor)
{
    int preference = (JB_ESTIMATED - (int)sensor->provenance) * 2;

    preference += !(sensor->flags & JB_SENSOR_MIRROR);
    return preference * (INT16_MAX - INT16_MIN + 1) + sensor->rank;
}

static void machine_copy_state(struct jb_machine_sensor *sensor)
{
    const struct jb_sensor *about = sensor->about;

    sensor->why = (struct jb_error){ 0 };
    if (about->state == JB_OK)
        return;
    jb_fail(&sensor->why, about->state, "%s", about->reason);
    jb_error_set_fix(&sensor->why, "%s", about->fix);
}

static int machine_collect_sensors(struct jb_machine *machine,
                                   struct jb_error *err)
{
    machine->sensors =
        calloc(machine->sensor_count + 1, sizeof(*machine->sensors));
    if (!machine->sensors)
        return jb_fail(err, JB_ENOMEM, "%zu sensors", machine->sensor_count);
    for (size_t s = 0; s < machine->source_count; s++) {
        const struct jb_machine_source *source = &machine->sources[s];

        for (size_t i = 0; i < source->sensor_count; i++) {
            struct jb_machine_sensor *sensor =
                &machine->sensors[source->first + i];

            sensor->about = &source->sensors[i];
            sensor->source = s;
            sensor->index = (uint32_t)i;
            sensor->domain = -1;
            sensor->relay = -1;
            sensor->account = machine_is_account(sensor->about);
            sensor->preference = machine_preference(sensor->about);
            machine_copy_state(sensor);
        }
    }
    return JB_OK;
}

static int machine_compare_domains(const void *a, const void *b)
{
    const struct jb_machine_domain *left = a;
    const struct jb_machine_domain *right = b;

    return jb_domain_compare(&left->domain, &right->domain);
}

static ptrdiff_t machine_find_domain(const struct jb_machine *machine,
                                     const struct jb_domain *domain)
{
    for (size_t i = 0; i < machine->domain_count; i++)
        if (jb_domain_equal(&machine->domains[i].domain, domain))
            return (ptrdiff_t)i;
    return -1;
}

static void machine_name_parents(struct jb_machine *machine,
                                 struct jb_domain *scratch)
{
    for (size_t i = 0; i < machine->domain_count; i++)
        scratch[i] = machine->domains[i].domain;
    for (size_t i = 0; i < machine->domain_count; i++)
        machine->domains[i].parent =
            jb_domain_parent(scratch, machine->domain_count, i);
}

static int machine_collect_domains(struct jb_machine *machine,
                                   const char *wanted, struct jb_error *err)
{
    JB_AUTO_FREE struct jb_domain *scratch =
        calloc(machine->sensor_count + 1, sizeof(*scratch));

    machine->domains =
        calloc(machine->sensor_count + 1, sizeof(*machine->domains));
    if (!machine->domains || !scratch)
        return jb_fail(err, JB_ENOMEM, "domains of %zu sensors",
                       machine->sensor_count);
    for (size_t i = 0; i < machine->sensor_count; i++) {
        const struct jb_machine_sensor *sensor = &machine->sensors[i];
        struct jb_machine_domain *domain;

        if (!sensor->account ||
            !machine_wants_domain(wanted, &sensor->about->domain) ||
            machine_find_domain(machine, &sensor->about->domain) >= 0)
            continue;
        domain = &machine->domains[machine->domain_count++];
        domain->domain = sensor->about->domain;
        jb_domain_name(&domain->domain, domain->name);
    }
    qsort(machine->domains, machine->domain_count, sizeof(*machine->domains),
          machine_compare_domains);
    for (size_t i = 0; i < machine->sensor_count; i++)
        if (machine->sensors[i].account)
            machine->sensors[i].domain = machine_find_domain(
                machine, &machine->sensors[i].about->domain);
    machine_name_parents(machine, scratch);
    return JB_OK;
}

void jb_machine_choose(struct jb_machine *machine)
{
    for (size_t d = 0; d < machine->domain_count; d++)
        machine->domains[d].chosen = -1;
    for (size_t i = 0; i < machine->sensor_count; i++) {
        const struct jb_machine_sensor *sensor = &machine->sensors[i];
        struct jb_machine_domain *domain;

        if (sensor->domain < 0 || sensor->why.status != JB_OK)
            continue;
        domain = &machine->domains[sensor->domain];
        if (domain->chosen < 0 ||
            sensor->preference > machine->sensors[domain->chosen].preference)
            domain->chosen = (ptrdiff_t)i;
    }
}

int jb_machine_open(const struct jb_machine_config *config,
                    struct jb_machine **out, struct jb_error *err)
{
    struct jb_machine *machine;
    int rc = machine_check_list(config->sources, "source",
                                machine_source_exists, err);

    if (rc == JB_OK)
        rc = machine_check_list(config->domains, "domain",
                                machine_domain_exists, err);
    if (rc < 0)
        return rc;
    machine = calloc(1, sizeof(*machine));
    if (!machine)
        return jb_fail(err, JB_ENOMEM, "a machine");
    machine->env = config->env;
    pthread_mutex_init(&machine->lock, NULL);
    rc = machine_open_sources(machine, config, err);
    if (rc == JB_OK)
        rc = machine_collect_sensors(machine, err);
    if (rc == JB_OK)
        jb_machine_match_relays(machine);
    if (rc == JB_OK)
        rc = machine_collect_domains(machine, config->domains, err);
    if (rc < 0) {
        jb_machine_close(machine);
        return rc;
    }
    jb_machine_choose(machine);
    *out = machine;
    return JB_OK;
}

void jb_machine_close(struct jb_machine *machine)
{

    if (!machine)
        return;
    jb_machine_stop(machine);
    for (size_t i = 0; i < machine->source_count; i++) {
        struct jb_machine_source *source = &machine->sources[i];

        if (source->handle && machine->sampler &&
            jb_sampler_holds(machine->sampler, source->handle))
            continue; /* a read that hangs may still touch its source */
        else if (source->handle)
            source->desc->close(source->handle);
        free(source->options);
    }
    jb_machine_drop_watch(machine);
    free(machine->domains);
    free(machine->sensors);
    free(machine->sources);
    pthread_mutex_destroy(&machine->lock);
    free(machine);
}

const struct jb_machine_source *
jb_machine_sources(const struct jb_machine *machine, size_t *count)
{
    *count = machine->source_count;
    return machine->sources;
}

const struct jb_machine_sensor *
jb_machine_sensors(const struct jb_machine *machine, size_t *count)
{
    *count = machine->sensor_count;
    return machine->sensors;
}

const struct jb_machine_domain *
jb_machine_domains(const struct jb_machine *machine, size_t *count)
{
    *count = machine->domain_count;
    return machine->domains;
}

const char *jb_machine_sensor_path(const struct jb_machine *machine,
                                   size_t sensor, char out[JB_SENSOR_PATH_MAX])
{
    const struct jb_machine_sensor *s = &machine->sensors[sensor];

    snprintf(out, JB_SENSOR_PATH_MAX, "%s/%s", machine->sources[s->source].name,
             s->about->name);
    return out;
}

void jb_machine_acquit(struct jb_machine *machine)
{
    for (size_t i = 0; i < machine->sensor_count; i++)
        machine_copy_state(&machine->sensors[i]);
    jb_machine_choose(machine);
}

size_t jb_machine_usable(const struct jb_machine *machine)
{
    size_t usable = 0;

    for (size_t d = 0; d < machine->domain_count; d++)
        usable += machine->domains[d].chosen >= 0;
    return usable;
}

bool jb_machine_only_estimates(const struct jb_machine *machine)
{
    for (size_t d = 0; d < machine->domain_count; d++) {
        ptrdiff_t chosen = machine->domains[d].chosen;

        if (chosen >= 0 &&
            machine->sensors[chosen].about->provenance != JB_ESTIMATED)
            return false;
    }
    return true;
}
