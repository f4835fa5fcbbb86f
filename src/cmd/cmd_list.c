/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook list: what this machine can measure, and what not and why. */
#include <string.h>

#include "base/clock.h"
#include "core/names.h"
#include "machine/machine.h"
#include "output.h"
#include "registry.h"
#include "tree.h"

/* The last, the label, is for --all only. */
enum { LIST_COLUMNS_ALL = 9 };

struct list_options {
    const char *sources;
    bool all;
    uint64_t probe_ns;
};

static const struct jb_option list_table[] = {
    { .name = "sources",
      .argument = "NAMES",
      .type = JB_OPTION_TEXT,
      .offset = offsetof(struct list_options, sources),
      .help = "only these sources, separated by commas" },
    { .name = "all",
      .key = 'a',
      .type = JB_OPTION_FLAG,
      .offset = offsetof(struct list_options, all),
      .help = "also sensors of other quantities than energy and power" },
    { .name = "probe",
      .argument = "TIME",
      .fallback = "100ms",
      .max = 60 * (uint64_t)JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      .offset = offsetof(struct list_options, probe_ns),
      .help = "watch the counters for at most TIME to find dead ones" },
    { 0 },
};

static const char *list_source_state(const struct jb_machine_source *source)
{
    return jb_status_name(source->why.status);
}

static const char *list_summary(const struct jb_machine_source *source)
{
    return source->desc ? source->desc->summary : "";
}

static bool list_is_account(const struct jb_machine_sensor *sensor)
{
    return sensor->about->unit.quantity == JB_QUANTITY_ENERGY ||
           sensor->about->unit.quantity == JB_QUANTITY_POWER;
}

static void list_title(const struct jb_cli *cli, const char *title)
{
    printf("%s%s%s\n", jb_ink(cli->color, JB_INK_BOLD), title,
           jb_ink(cli->color, JB_INK_PLAIN));
}

static int list_text_sources(const struct jb_machine *machine)
{
    struct jb_table table = { .columns = 3 };
    size_t count;
    const struct jb_machine_source *sources =
        jb_machine_sources(machine, &count);

    for (size_t i = 0; i < count; i++) {
        jb_table_add(&table, "%s", sources[i].name);
        jb_table_add(&table, "%s", list_source_state(&sources[i]));
        jb_table_add(&table, "%s",
                     sources[i].why.status == JB_OK ? sources[i].desc->summary
                                                    : sources[i].why.text);
    }
    return jb_table_print(&table, stdout, 2);
}

static void list_text_domain(const struct jb_machine *machine,
                             const struct jb_tree_step *step,
                             struct jb_table *table)
{
    size_t count;
    const struct jb_machine_domain *domain =
        &jb_machine_domains(machine, &count)[step->domain];
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);
    char path[JB_SENSOR_PATH_MAX];
    bool any = domain->chosen >= 0;

    jb_table_add(table, "%*s%s", step->depth * 2, "", domain->name);
    jb_table_add(
        table, "%s",
        any ? jb_machine_sensor_path(machine, (size_t)domain->chosen, path)
            : "no sensor that measures");
    jb_table_add(
        table, "%s",
        any ? jb_provenance_name(sensors[domain->chosen].about->provenance)
            : "");
}

static int list_text_domains(const struct jb_machine *machine)
{
    struct jb_table table = { .columns = 3 };
    size_t count;
    JB_AUTO_FREE struct jb_tree_step *steps = NULL;

    jb_machine_domains(machine, &count);
    steps = calloc(count + 1, sizeof(*steps));
    if (!steps)
        return JB_ENOMEM;
    jb_tree_walk(machine, steps);
    for (size_t i = 0; i < count; i++)
        list_text_domain(machine, &steps[i], &table);
    if (count == 0)
        puts("  none");
    return jb_table_print(&table, stdout, 2);
}

static const char *list_range(const struct jb_sensor *about, char out[32])
{
    double range;

    if (about->unit.quantity != JB_QUANTITY_ENERGY || about->unit.modulus == 0)
        return "-";
    range = (double)about->unit.modulus * (double)about->unit.num /
            (double)about->unit.den;
    return jb_format_cell(out, range, "J");
}

/* The least that the sensor can tell apart. */
static const char *list_step(const struct jb_machine_sensor *sensor,
                             char out[32])
{
    const struct jb_sensor *about = sensor->about;
    double step = (double)about->unit.num / (double)about->unit.den *
                  (double)about->quantum;

    if (sensor->why.status != JB_OK && about->unit.num == about->unit.den)
        return "-"; /* its unit was never read */
    return jb_format_cell(out, step, jb_quantity_unit(about->unit.quantity));
}

/* One cell for each head of list_text_sensors(). */
static void list_text_sensor(const struct jb_machine *machine, size_t i,
                             struct jb_table *table)
{
    size_t count;
    const struct jb_machine_sensor *sensor =
        &jb_machine_sensors(machine, &count)[i];
    const struct jb_sensor *about = sensor->about;
    char path[JB_SENSOR_PATH_MAX];
    char name[JB_DOMAIN_NAME_MAX];
    char text[32];

    jb_table_add(table, "%s", jb_machine_sensor_path(machine, i, path));
    jb_domain_name(&about->domain, name);
    jb_table_add(table, "%s", name[0] ? name : "-");
    jb_table_add(table, "%s", jb_quantity_name(about->unit.quantity));
    jb_table_add(table, "%s", jb_provenance_name(about->provenance));
    jb_table_add(table, "%s", list_step(sensor, text));
    jb_table_add(table, "%s", list_range(about, text));
    jb_table_add(table, "%s",
                 about->update_ns ? jb_format_ns(text, about->update_ns) : "-");
    jb_table_add(table, "%s%s", jb_status_name(sensor->why.status),
                 about->flags & JB_SENSOR_MIRROR ? " (mirror)" : "");
    if (table->columns == LIST_COLUMNS_ALL)
        jb_table_add(table, "%s", about->label);
}

static bool list_is_shown(const struct jb_machine_sensor *sensor, bool all)
{
    return sensor->why.status != JB_EREFUSED && /* read directly instead */
           (all || list_is_account(sensor));
}

static int list_text_sensors(const struct jb_machine *machine, bool all)
{
    static const char *const heads[] = {
        "sensor", "domain", "quantity", "from",  "step",
        "range",  "update", "state",    "label",
    };
    struct jb_table table = { .columns =
                                  all ? LIST_COLUMNS_ALL : LIST_COLUMNS_ALL - 1,
                              .right = { [4] = true, true, true } };
    size_t count;
    size_t shown = 0;
    size_t others = 0;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);
    int rc;

    for (size_t i = 0; i < table.columns; i++)
        jb_table_add(&table, "%s", heads[i]);
    for (size_t i = 0; i < count; i++) {
        others += !list_is_account(&sensors[i]);
        if (!list_is_shown(&sensors[i], all))
            continue;
        list_text_sensor(machine, i, &table);
        shown++;
    }
    if (shown == 0) {
        puts("  none");
        jb_table_clear(&table);
    }
    rc = jb_table_print(&table, stdout, 2);
    if (!all && others > 0)
        printf("  and %zu of other quantities: --all lists them\n", others);
    return rc;
}

/* Reasons are sentences: they would make the table above too wide. */
static int list_text_reasons(const struct jb_machine *machine,
                             const struct jb_cli *cli, bool all)
{
    struct jb_table table = { .columns = 2 };
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);

    for (size_t i = 0; i < count; i++) {
        char path[JB_SENSOR_PATH_MAX];

        if (sensors[i].why.status == JB_OK || sensors[i].relay >= 0 ||
            !list_is_shown(&sensors[i], all))
            continue;
        jb_table_add(&table, "%s", jb_machine_sensor_path(machine, i, path));
        jb_table_add(&table, "%s", sensors[i].why.text);
    }
    if (table.count > 0) {
        putchar('\n');
        list_title(cli, "Not usable (joulebook doctor says what mends it)");
    }
    return jb_table_print(&table, stdout, 2);
}

/* What must be known of sensors that can be used. */
static void list_text_notes(const struct jb_machine *machine,
                            const struct jb_cli *cli, bool all)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        char path[JB_SENSOR_PATH_MAX];

        if (sensors[i].why.status != JB_OK || !sensors[i].about->note[0] ||
            !list_is_shown(&sensors[i], all))
            continue;
        if (!any) {
            putchar('\n');
            list_title(cli, "To be known");
        }
        any = true;
        printf("  %s  %s\n", jb_machine_sensor_path(machine, i, path),
               sensors[i].about->note);
    }
}

static json_t *list_json_sources(const struct jb_machine *machine)
{
    size_t count;
    const struct jb_machine_source *sources =
        jb_machine_sources(machine, &count);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "source", sources[i].name,
                      "state", list_source_state(&sources[i]), "reason",
                      sources[i].why.text, "fix", sources[i].why.fix, "summary",
                      list_summary(&sources[i])));
    return list;
}

static json_t *list_json_mirrors(const struct jb_machine *machine, size_t d)
{
    size_t count;
    size_t domain_count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);
    ptrdiff_t chosen = jb_machine_domains(machine, &domain_count)[d].chosen;
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        char path[JB_SENSOR_PATH_MAX];

        if (sensors[i].domain != (ptrdiff_t)d || (ptrdiff_t)i == chosen)
            continue;
        json_array_append_new(
            list, json_string(jb_machine_sensor_path(machine, i, path)));
    }
    return list;
}

static json_t *list_json_domains(const struct jb_machine *machine)
{
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(machine, &count);
    json_t *list = json_array();

    for (size_t d = 0; d < count; d++) {
        char path[JB_SENSOR_PATH_MAX];
        ptrdiff_t chosen = domains[d].chosen;
        const char *parent =
            domains[d].parent < 0 ? NULL : domains[domains[d].parent].name;

        json_array_append_new(
            list, json_pack("{s:s, s:s?, s:o, s:s?}", "domain", domains[d].name,
                            "parent", parent, "mirrors",
                            list_json_mirrors(machine, d), "sensor",
                            chosen < 0 ? NULL
                                       : jb_machine_sensor_path(
                                             machine, (size_t)chosen, path)));
    }
    return list;
}

static void list_json_facts(json_t *object, const struct jb_sensor *about)
{
    const struct jb_unit *unit = &about->unit;

    json_object_set_new(object, "kind", json_string(jb_kind_name(about->kind)));
    json_object_set_new(object, "resolution",
                        json_real((double)unit->num / (double)unit->den *
                                  (double)about->quantum / 1e6));
    if (unit->modulus)
        json_object_set_new(object, "range",
                            json_real((double)unit->modulus *
                                      (double)unit->num / (double)unit->den /
                                      1e6));
    if (about->update_ns)
        json_object_set_new(object, "update_s",
                            json_real((double)about->update_ns / JB_NS_PER_S));
    if (about->pmax_uw) {
        json_object_set_new(object, "max_power_w",
                            jb_json_micro((int64_t)about->pmax_uw));
        json_object_set_new(
            object, "max_power_from",
            json_string(jb_bound_origin_name(about->pmax_from)));
    }
    jb_json_set_text(object, "label", about->label);
    if (about->note[0])
        json_object_set_new(object, "note", json_string(about->note));
}

static json_t *list_json_sensors(const struct jb_machine *machine)
{
    size_t count;
    size_t source_count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);
    const struct jb_machine_source *sources =
        jb_machine_sources(machine, &source_count);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        const struct jb_sensor *about = sensors[i].about;
        char path[JB_SENSOR_PATH_MAX];
        char name[JB_DOMAIN_NAME_MAX];
        json_t *object =
            json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:b, s:s, s:s, s:s}",
                      "sensor", jb_machine_sensor_path(machine, i, path),
                      "source", sources[sensors[i].source].name, "domain",
                      jb_domain_name(&about->domain, name)[0] ? name : NULL,
                      "quantity", jb_quantity_name(about->unit.quantity),
                      "unit", jb_quantity_unit(about->unit.quantity),
                      "provenance", jb_provenance_name(about->provenance),
                      "readable", sensors[i].why.status == JB_OK, "state",
                      jb_status_name(sensors[i].why.status), "reason",
                      sensors[i].why.text, "fix", sensors[i].why.fix);

        if (object)
            list_json_facts(object, about);
        json_array_append_new(list, object);
    }
    return list;
}

static int list_print_text(const struct jb_machine *machine,
                           const struct jb_cli *cli, bool all)
{
    int rc;

    list_title(cli, "Sources");
    rc = list_text_sources(machine);
    putchar('\n');
    list_title(cli, "Domains (each within the one that it is indented under)");
    if (rc == JB_OK)
        rc = list_text_domains(machine);
    putchar('\n');
    list_title(cli, "Sensors");
    if (rc == JB_OK)
        rc = list_text_sensors(machine, all);
    if (rc == JB_OK)
        rc = list_text_reasons(machine, cli, all);
    if (rc == JB_OK)
        list_text_notes(machine, cli, all);
    return rc;
}

static int list_print(const struct jb_machine *machine,
                      const struct jb_cli *cli,
                      const struct list_options *options, struct jb_error *err)
{
    int rc;

    if (cli->json)
        return jb_json_print(json_pack("{s:o, s:o, s:o}", "sources",
                                       list_json_sources(machine), "domains",
                                       list_json_domains(machine), "sensors",
                                       list_json_sensors(machine)),
                             stdout, err);
    rc = list_print_text(machine, cli, options->all || cli->verbose);
    if (rc < 0 || fflush(stdout) != 0)
        return jb_fail(err, rc < 0 ? rc : JB_EIO, "printing the list failed");
    return JB_OK;
}

static int list_run(const struct jb_cli *cli, const void *opaque, int argc,
                    char **argv, int *exit_code, struct jb_error *err)
{
    const struct list_options *options = opaque;
    struct jb_machine_config config = { .env = &cli->env,
                                        .config = cli->config,
                                        .sources = options->sources
                                                       ? options->sources
                                                       : cli->sources,
                                        .settings = cli->settings,
                                        .all_modules = true };
    struct jb_machine *machine;
    int rc = jb_machine_open(&config, &machine, err);

    (void)argc;
    (void)argv;
    if (rc < 0)
        return rc;
    if (options->probe_ns > 0 && !cli->recorded && !cli->played)
        rc = jb_machine_probe(machine, options->probe_ns, err);
    if (rc == JB_OK)
        rc = list_print(machine, cli, options, err);
    *exit_code =
        jb_machine_usable(machine) > 0 ? JB_EXIT_DONE : JB_EXIT_NOTHING;
    jb_machine_close(machine);
    return rc;
}

const struct jb_command jb_command_list = {
    .name = "list",
    .summary = "list sources, domains and sensors, readable or why not",
    .arguments = "",
    .details = "A domain is a part of the machine whose energy is accounted; "
               "one inside another is never added to it.  Of several sensors "
               "of one domain the best is used, the others check it.",
    .options = list_table,
    .options_size = sizeof(struct list_options),
    .run = list_run,
};
