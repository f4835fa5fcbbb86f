/* SPDX-License-Identifier: Apache-2.0 */
/* Which sensor stands for which part of the machine. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/domain.h"
#include "core/gpu.h"
#include "core/topology.h"
#include "inside.h"

/* Room for the CPUs of one NUMA node. */
enum { ASSIGN_LIST_MAX = 4096, ASSIGN_UW_PER_W = 1000000 };

struct assign {
    const struct jb_hwmon_scan *scan;
    const struct jb_topology *topology; /* NULL: the tree does not say */
};

static bool assign_take_first(uint32_t cpu, void *context)
{
    *(int64_t *)context = cpu;
    return false;
}

/* The package that the first CPU of a NUMA node is in. */
static bool assign_package_of_node(const struct assign *assign, uint64_t node,
                                   uint16_t *out)
{
    const struct jb_topology_cpu *place;
    char path[JB_PATH_MAX];
    char list[ASSIGN_LIST_MAX];
    size_t length;
    int64_t cpu = -1;

    if (!assign->topology ||
        jb_path(path, NULL, "%s/devices/system/node/node%" PRIu64 "/cpulist",
                assign->scan->env->roots->sysfs, node) < 0 ||
        jb_file_read(path, list, sizeof(list), &length, NULL) < 0)
        return false;
    if (jb_text_each_cpu(list, length, JB_TOPOLOGY_CPU_MAX, assign_take_first,
                         &cpu))
        return false; /* a node of memory without CPUs */
    place = cpu < 0 ? NULL : jb_topology_find(assign->topology, (uint32_t)cpu);
    if (!place)
        return false;
    *out = place->package;
    return true;
}

/* A tree without nodes has one per package, if it has several at all. */
static bool assign_package_of_socket(const struct assign *assign,
                                     uint16_t socket, uint16_t *out)
{
    char path[JB_PATH_MAX];

    if (assign_package_of_node(assign, socket, out))
        return true;
    if (jb_path(path, NULL, "%s/devices/system/node",
                assign->scan->env->roots->sysfs) < 0 ||
        access(path, F_OK) == 0)
        return false;
    *out = socket;
    return !assign->topology ||
           jb_topology_package(assign->topology, socket) != NULL;
}

/* By the NUMA node of the PCI device, or because there is only one. */
static bool assign_package_of_device(const struct assign *assign,
                                     const struct jb_hwmon_chip *chip,
                                     uint16_t *out)
{
    char path[JB_PATH_MAX];
    int64_t node = -1;

    if (chip->device_path &&
        jb_path(path, NULL, "%s/numa_node", chip->device_path) == JB_OK &&
        jb_file_read_i64(path, &node, NULL) == JB_OK && node >= 0 &&
        assign_package_of_node(assign, (uint64_t)node, out))
        return true;
    if (!assign->topology || assign->topology->package_count != 1)
        return false;
    *out = assign->topology->packages[0].package;
    return true;
}

static bool assign_is_gpu_driver(const char *name)
{
    for (size_t i = 0; i < jb_hwmon_rule_count; i++)
        if (jb_hwmon_rules[i].place == JB_HWMON_PLACE_GPU &&
            strcmp(jb_hwmon_rules[i].chip, name) == 0)
            return true;
    return false;
}

/* A recorded tree may lack the PCI bus: then in the order of the chips. */
static bool assign_gpu(const struct assign *assign,
                       const struct jb_hwmon_chip *chip, uint16_t *out)
{
    const char *sysfs = assign->scan->env->roots->sysfs;
    const struct jb_hwmon_list *list = assign->scan->list;
    char path[JB_PATH_MAX];
    uint16_t before = 0;

    if (chip->device[0] &&
        jb_gpu_number(sysfs, chip->device, out, NULL) == JB_OK)
        return true;
    if (jb_path(path, NULL, "%s/bus/pci/devices", sysfs) < 0 ||
        access(path, F_OK) == 0)
        return false;
    for (size_t i = 0; i < list->chip_count && list->chips[i] != chip; i++)
        before += assign_is_gpu_driver(list->chips[i]->name);
    *out = before;
    return true;
}

static bool assign_place(const struct assign *assign,
                         const struct jb_hwmon_rule *rule,
                         const struct jb_hwmon_input *input, uint16_t *index)
{
    uint16_t socket;

    *index = 0;
    switch (rule->place) {
    case JB_HWMON_PLACE_ONE:
        return true;
    case JB_HWMON_PLACE_LABEL:
        return jb_hwmon_label_number(input->label, rule->label, index);
    case JB_HWMON_PLACE_NODE:
        return jb_hwmon_label_number(input->label, rule->label, &socket) &&
               assign_package_of_socket(assign, socket, index);
    case JB_HWMON_PLACE_DEVICE:
        return assign_package_of_device(assign, input->chip, index);
    case JB_HWMON_PLACE_GPU:
        return assign_gpu(assign, input->chip, index);
    }
    return false;
}

static bool assign_label_fits(const struct jb_hwmon_rule *rule,
                              const char *label)
{
    uint16_t number;

    if (!rule->label)
        return true;
    if (rule->place == JB_HWMON_PLACE_LABEL ||
        rule->place == JB_HWMON_PLACE_NODE)
        return jb_hwmon_label_number(label, rule->label, &number);
    return strcmp(rule->label, label) == 0;
}

static bool assign_fits(const struct jb_hwmon_rule *rule,
                        const struct jb_hwmon_input *input)
{
    return !input->settled && input->channel.kind == rule->kind &&
           (rule->item < 0 || (int)input->channel.item == rule->item) &&
           (rule->number == 0 || input->channel.number == rule->number) &&
           assign_label_fits(rule, input->label);
}

/* The sensors of one chip: they are neighbours. */
struct assign_chip {
    size_t first, end;
};

static bool assign_has_beside(const struct jb_hwmon_list *list,
                              struct assign_chip chip, const char *label)
{
    for (size_t i = chip.first; i < chip.end; i++)
        if (list->inputs[i].channel.kind == JB_HWMON_IN &&
            strcmp(list->inputs[i].label, label) == 0)
            return true;
    return label == NULL;
}

static bool assign_is_taken(const struct jb_hwmon_list *list,
                            struct assign_chip chip, size_t i,
                            const struct jb_domain *domain)
{
    for (size_t k = chip.first; k < chip.end; k++)
        if (k != i &&
            list->sensors[k].unit.quantity == list->sensors[i].unit.quantity &&
            jb_domain_equal(&list->sensors[k].domain, domain))
            return true;
    return false;
}

static bool assign_is_account(const struct jb_sensor *sensor)
{
    return sensor->unit.quantity == JB_QUANTITY_ENERGY ||
           sensor->unit.quantity == JB_QUANTITY_POWER;
}

static void assign_timing(const struct assign *assign,
                          const struct jb_hwmon_rule *rule,
                          struct jb_sensor *sensor)
{
    const struct jb_hwmon_options *options = assign->scan->options;

    if (rule->update_ns > 0)
        sensor->update_ns = rule->update_ns;
    if (rule->lag_unc_ns > 0) {
        sensor->lag_ns = rule->lag_ns;
        sensor->lag_unc_ns = rule->lag_unc_ns;
    }
    if (rule->flags & JB_HWMON_RULE_METER) {
        sensor->lag_ns = options->meter_lag_ns;
        sensor->lag_unc_ns = options->meter_lag_unc_ns;
    }
    if (rule->quantum > 0)
        sensor->quantum = rule->quantum;
    sensor->rank = rule->rank;
}

static void assign_bound(const struct assign *assign, struct jb_sensor *sensor)
{
    uint64_t told_w = assign->scan->options->meter_max_w;

    sensor->pmax_uw = jb_domain_guessed_pmax_uw(sensor->domain.kind);
    if (sensor->domain.kind != JB_DOMAIN_PLATFORM || told_w == 0)
        return;
    sensor->pmax_uw = told_w * ASSIGN_UW_PER_W;
    sensor->pmax_from = JB_BOUND_DECLARED;
}

static void assign_domain(const struct assign *assign,
                          const struct jb_hwmon_rule *rule,
                          struct assign_chip chip, size_t i)
{
    struct jb_hwmon_list *list = assign->scan->list;
    struct jb_sensor *sensor = &list->sensors[i];
    struct jb_domain domain = { .kind = rule->domain, .die = JB_NO_DIE };
    bool taken;

    if (rule->domain == JB_DOMAIN_NONE ||
        (!assign_is_account(sensor) && sensor->state != JB_OK) ||
        !assign_place(assign, rule, &list->inputs[i], &domain.index))
        return;
    taken = assign_is_taken(list, chip, i, &domain);
    if (taken && !(rule->flags & JB_HWMON_RULE_VIEW))
        return;
    sensor->domain = domain;
    if (taken)
        sensor->flags |= JB_SENSOR_MIRROR;
    if (rule->note)
        jb_hwmon_remark(sensor, "%s", rule->note);
    if (assign_is_account(sensor))
        assign_bound(assign, sensor);
    if (sensor->unit.quantity == JB_QUANTITY_ENERGY &&
        jb_domain_may_rest(domain.kind))
        sensor->flags |= JB_SENSOR_MAY_REST;
}

/* ACPI has meters for batteries, too. */
static bool assign_is_battery(const struct jb_hwmon_input *input)
{
    char path[JB_PATH_MAX];
    int64_t battery;

    return input->channel.kind == JB_HWMON_POWER &&
           jb_path(path, NULL, "%s/power%u_is_battery", input->chip->directory,
                   input->channel.number) == JB_OK &&
           jb_file_read_i64(path, &battery, NULL) == JB_OK && battery != 0;
}

static void assign_rule(const struct assign *assign,
                        const struct jb_hwmon_rule *rule,
                        struct assign_chip chip)
{
    struct jb_hwmon_list *list = assign->scan->list;

    for (size_t i = chip.first; i < chip.end; i++) {
        struct jb_hwmon_input *input = &list->inputs[i];

        if (!assign_fits(rule, input))
            continue;
        input->settled = true;
        input->not_zero = rule->flags & JB_HWMON_RULE_NOT_ZERO;
        assign_timing(assign, rule, &list->sensors[i]);
        if (assign_is_battery(input))
            jb_hwmon_remark(&list->sensors[i], "of a battery");
        else
            assign_domain(assign, rule, chip, i);
    }
}

static void assign_one_chip(const struct assign *assign,
                            struct assign_chip chip)
{
    const struct jb_hwmon_list *list = assign->scan->list;
    const char *name = list->inputs[chip.first].chip->name;

    for (size_t r = 0; r < jb_hwmon_rule_count; r++) {
        const struct jb_hwmon_rule *rule = &jb_hwmon_rules[r];

        if (strcmp(rule->chip, name) == 0 &&
            (!rule->beside || assign_has_beside(list, chip, rule->beside)))
            assign_rule(assign, rule, chip);
    }
}

static bool assign_are_rivals(const struct jb_hwmon_list *list, size_t i,
                              size_t k)
{
    const struct jb_sensor *a = &list->sensors[i];
    const struct jb_sensor *b = &list->sensors[k];

    return list->inputs[i].chip != list->inputs[k].chip &&
           strcmp(list->inputs[i].chip->name, list->inputs[k].chip->name) ==
               0 &&
           a->unit.quantity == b->unit.quantity &&
           a->domain.kind != JB_DOMAIN_NONE &&
           jb_domain_equal(&a->domain, &b->domain);
}

/* The n-th die of a package; dies are numbered in any way. */
static bool assign_die(const struct jb_topology *topology, uint16_t package,
                       size_t n, int16_t *out)
{
    int32_t last = -1;

    do {
        int32_t next = INT32_MAX;

        for (size_t i = 0; i < topology->cpu_count; i++)
            if (topology->cpus[i].package == package &&
                topology->cpus[i].die > last && topology->cpus[i].die < next)
                next = topology->cpus[i].die;
        if (next == INT32_MAX)
            return false;
        last = next;
    } while (n-- > 0);
    *out = (int16_t)last;
    return true;
}

/* Chips of one driver that all say "package 0" are its dies, one each and in
 * their order, when there are as many; else nobody knows which is which. */
static void assign_settle_rivals(const struct assign *assign, size_t first,
                                 const bool *rival, size_t rivals)
{
    struct jb_hwmon_list *list = assign->scan->list;
    const struct jb_domain claimed = list->sensors[first].domain;
    const struct jb_topology_package *package =
        assign->topology && claimed.kind == JB_DOMAIN_PACKAGE
            ? jb_topology_package(assign->topology, claimed.index)
            : NULL;
    bool dies = package && package->dies == rivals;
    char name[JB_DOMAIN_NAME_MAX];
    size_t n = 0;

    jb_domain_name(&claimed, name);
    for (size_t i = first; i < list->count; i++) {
        struct jb_sensor *sensor = &list->sensors[i];

        if (!rival[i] || (dies && assign_die(assign->topology, claimed.index,
                                             n++, &sensor->domain.die)))
            continue;
        sensor->domain = (struct jb_domain){ .die = JB_NO_DIE };
        sensor->pmax_uw = 0;
        jb_hwmon_remark(sensor, "one of several that say they are %s", name);
    }
}

static int assign_rivals(const struct assign *assign, struct jb_error *err)
{
    const struct jb_hwmon_list *list = assign->scan->list;
    JB_AUTO_FREE bool *rival = calloc(list->count + 1, sizeof(*rival));

    if (!rival)
        return jb_fail(err, JB_ENOMEM, "%zu hwmon sensors", list->count);
    for (size_t i = 0; i < list->count; i++) {
        size_t rivals = 1;

        if (list->sensors[i].domain.kind == JB_DOMAIN_NONE)
            continue;
        for (size_t k = i + 1; k < list->count; k++) {
            rival[k] = assign_are_rivals(list, i, k);
            rivals += rival[k];
        }
        rival[i] = true;
        if (rivals > 1)
            assign_settle_rivals(assign, i, rival, rivals);
    }
    return JB_OK;
}

int jb_hwmon_assign(const struct jb_hwmon_scan *scan, struct jb_error *err)
{
    struct jb_hwmon_list *list = scan->list;
    struct jb_topology *topology = NULL;
    struct assign assign = { .scan = scan };
    struct assign_chip chip = { 0, 0 };
    int rc = jb_topology_read(scan->env->roots->sysfs, &topology, err);

    if (rc == JB_ENOMEM)
        return rc;
    assign.topology = topology;
    for (; chip.first < list->count; chip.first = chip.end) {
        while (chip.end < list->count &&
               list->inputs[chip.end].chip == list->inputs[chip.first].chip)
            chip.end++;
        assign_one_chip(&assign, chip);
    }
    rc = assign_rivals(&assign, err);
    jb_topology_free(topology);
    return rc;
}
