/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook doctor: why something cannot be measured, and what mends it. */
#include <string.h>

#include "base/clock.h"
#include "machine/machine.h"
#include "output.h"
#include "registry.h"

struct doctor_options {
    uint64_t probe_ns;
};

static const struct jb_option doctor_table[] = {
    { .name = "probe",
      .argument = "TIME",
      .fallback = "300ms",
      .max = 60 * (uint64_t)JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      .offset = offsetof(struct doctor_options, probe_ns),
      .help = "watch the counters for at most TIME to find dead ones" },
    { 0 },
};

/* One line of the diagnosis: a source, or a sensor of a source that works. */
struct doctor_finding {
    const char *source;
    const char *sensor; /* or NULL */
    bool account;       /* a source, or a sensor of energy or power */
    const struct jb_error *why;
    bool relayed; /* another sensor of the same meter stands in for it */
};

struct doctor_visit {
    void (*visit)(void *context, const struct doctor_finding *finding);
    void *context;
};

static bool doctor_is_account(const struct jb_sensor *sensor)
{
    return sensor->unit.quantity == JB_QUANTITY_ENERGY ||
           sensor->unit.quantity == JB_QUANTITY_POWER;
}

static void doctor_each(const struct jb_machine *machine,
                        const struct doctor_visit *each)
{
    size_t count;
    size_t sensor_count;
    const struct jb_machine_source *sources =
        jb_machine_sources(machine, &count);
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &sensor_count);

    for (size_t i = 0; i < count; i++) {
        const struct jb_machine_source *source = &sources[i];
        struct doctor_finding finding = { .source = source->name,
                                          .account = true,
                                          .why = &source->why };

        each->visit(each->context, &finding);
        for (size_t k = 0; k < source->sensor_count; k++) {
            finding.sensor = source->sensors[k].name;
            finding.account = doctor_is_account(&source->sensors[k]);
            finding.why = &sensors[source->first + k].why;
            finding.relayed = sensors[source->first + k].relay >= 0;
            if (finding.why->status != JB_OK &&
                finding.why->status != JB_EREFUSED) /* not needed */
                each->visit(each->context, &finding);
        }
    }
}

static enum jb_ink doctor_ink(int status)
{
    if (status == JB_OK)
        return JB_INK_GOOD;
    return status == JB_EABSENT || status == JB_EREFUSED ? JB_INK_DIM
                                                         : JB_INK_BAD;
}

/* Findings that one command mends stand together, above that command. */
struct doctor_printer {
    const struct jb_cli *cli;
    const char *fix; /* of the findings printed last, not yet printed */
};

static void doctor_print_fix(struct doctor_printer *printer)
{
    if (printer->fix[0])
        printf("             fix: %s\n", printer->fix);
    printer->fix = "";
}

static void doctor_print(void *context, const struct doctor_finding *finding)
{
    struct doctor_printer *printer = context;
    const struct jb_cli *cli = printer->cli;

    if (cli->quiet && finding->why->status == JB_OK)
        return;
    if (strcmp(printer->fix, finding->why->fix) != 0)
        doctor_print_fix(printer);
    printer->fix = finding->why->fix;
    printf("%s%-12s%s %s%s%s%s%s\n",
           jb_ink(cli->color, doctor_ink(finding->why->status)),
           jb_status_name(finding->why->status),
           jb_ink(cli->color, JB_INK_PLAIN), finding->source,
           finding->sensor ? "/" : "", finding->sensor ? finding->sensor : "",
           finding->why->text[0] ? ": " : "", finding->why->text);
}

static void doctor_append(void *context, const struct doctor_finding *finding)
{
    json_array_append_new(
        context, json_pack("{s:s, s:s?, s:s, s:s, s:s}", "source",
                           finding->source, "sensor", finding->sensor, "state",
                           jb_status_name(finding->why->status), "reason",
                           finding->why->text, "fix", finding->why->fix));
}

/* Counts what is there but does not work; absence is no trouble, and neither
 * is the open input that a board shows as a temperature of 255 degrees. */
static void doctor_count(void *context, const struct doctor_finding *finding)
{
    size_t *troubles = context;
    int status = finding->why->status;

    if (status == JB_EIMPLAUSIBLE && !finding->account)
        return;
    *troubles += status != JB_OK && status != JB_EABSENT &&
                 status != JB_EREFUSED && !finding->relayed;
}

static const char *doctor_verdict(const struct jb_machine *machine,
                                  size_t troubles, int *exit_code)
{
    *exit_code = JB_EXIT_NOTHING;
    if (jb_machine_usable(machine) == 0)
        return "nothing can be measured here";
    if (jb_machine_only_estimates(machine))
        return "nothing can be measured here: figures will be estimates";
    *exit_code = troubles ? JB_EXIT_FAILED : JB_EXIT_DONE;
    return troubles ? "this machine can be measured, but not all of it"
                    : "this machine can be measured";
}

static int doctor_report(const struct jb_machine *machine,
                         const struct jb_cli *cli, int *exit_code,
                         struct jb_error *err)
{
    size_t troubles = 0;
    struct doctor_visit count = { doctor_count, &troubles };
    struct doctor_printer printer = { .cli = cli, .fix = "" };
    const char *verdict;

    doctor_each(machine, &count);
    verdict = doctor_verdict(machine, troubles, exit_code);
    if (cli->json) {
        json_t *findings = json_array();
        struct doctor_visit append = { doctor_append, findings };

        doctor_each(machine, &append);
        return jb_json_print(
            json_pack("{s:s, s:o}", "verdict", verdict, "findings", findings),
            stdout, err);
    }
    doctor_each(machine, &(struct doctor_visit){ doctor_print, &printer });
    doctor_print_fix(&printer);
    printf("\n%s%s%s\n", jb_ink(cli->color, JB_INK_BOLD), verdict,
           jb_ink(cli->color, JB_INK_PLAIN));
    if (fflush(stdout) != 0)
        return jb_fail(err, JB_EIO, "printing the diagnosis failed");
    return JB_OK;
}

static int doctor_run(const struct jb_cli *cli, const void *opaque, int argc,
                      char **argv, int *exit_code, struct jb_error *err)
{
    const struct doctor_options *options = opaque;
    struct jb_machine_config config = { .env = &cli->env,
                                        .config = cli->config,
                                        .sources = cli->sources,
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
        rc = doctor_report(machine, cli, exit_code, err);
    jb_machine_close(machine);
    return rc;
}

const struct jb_command jb_command_doctor = {
    .name = "doctor",
    .summary = "say why something cannot be measured, and what mends it",
    .arguments = "",
    .details = "Exit code: 0 everything that is there works; 1 something that "
               "is there does not; 3 nothing can be measured.",
    .options = doctor_table,
    .options_size = sizeof(struct doctor_options),
    .run = doctor_run,
};
