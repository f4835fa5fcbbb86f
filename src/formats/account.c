/* SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

#include "core/domain.h"

static int account_compare(const void *a, const void *b)
{
    return jb_domain_compare(a, b);
}

static bool account_lists(const struct jb_account *account,
                          const struct jb_domain *domain)
{
    for (size_t i = 0; i < account->part_count; i++)
        if (jb_domain_equal(&account->parts[i], domain))
            return true;
    return false;
}

static void account_collect(struct jb_account *account,
                            const struct jb_format_setup *setup)
{
    for (size_t i = 0; i < setup->sensor_count; i++) {
        const struct jb_format_sensor *sensor = &setup->sensors[i];

        if (sensor->metered && sensor->about->provenance != JB_ESTIMATED &&
            !account_lists(account, &sensor->about->domain))
            account->parts[account->part_count++] = sensor->about->domain;
    }
}

/* A die is a part only where nothing measures the whole. */
static void account_drop_dies(struct jb_account *account)
{
    size_t kept = 0;

    for (size_t i = 0; i < account->part_count; i++) {
        struct jb_domain whole = account->parts[i];

        whole.die = JB_NO_DIE;
        if (account->parts[i].die == JB_NO_DIE ||
            !account_lists(account, &whole))
            account->parts[kept++] = account->parts[i];
    }
    account->part_count = kept;
}

static bool account_is_of(const struct jb_account_device *device,
                          const struct jb_domain *part)
{
    return device->kind == part->kind && device->index == part->index;
}

static void account_list_devices(struct jb_account *account)
{
    for (size_t i = 0; i < account->part_count; i++) {
        const struct jb_domain *part = &account->parts[i];

        if (account->count == 0 ||
            !account_is_of(&account->devices[account->count - 1], part))
            account->devices[account->count++] =
                (struct jb_account_device){ .kind = part->kind,
                                            .index = part->index };
    }
}

int jb_account_init(struct jb_account *account,
                    const struct jb_format_setup *setup, struct jb_error *err)
{
    size_t room = setup->sensor_count + 1;

    *account = (struct jb_account){ 0 };
    account->parts = calloc(room, sizeof(*account->parts));
    account->devices = calloc(room, sizeof(*account->devices));
    if (!account->parts || !account->devices)
        return jb_fail(err, JB_ENOMEM, "devices of %zu sensors",
                       setup->sensor_count);
    account_collect(account, setup);
    qsort(account->parts, account->part_count, sizeof(*account->parts),
          account_compare);
    account_drop_dies(account);
    account_list_devices(account);
    return JB_OK;
}

void jb_account_release(struct jb_account *account)
{
    free(account->parts);
    free(account->devices);
    *account = (struct jb_account){ 0 };
}

static const struct jb_format_power *
account_power(const struct jb_format_tick *tick, const struct jb_domain *domain)
{
    for (size_t i = 0; i < tick->count; i++)
        if (tick->powers[i].provenance != JB_ESTIMATED &&
            jb_domain_equal(&tick->powers[i].domain, domain))
            return &tick->powers[i];
    return NULL;
}

void jb_account_take(struct jb_account *account,
                     const struct jb_format_tick *tick)
{
    struct jb_account_device *device = account->devices;

    for (size_t i = 0; i < account->count; i++) {
        account->devices[i].known = true;
        account->devices[i].uw = 0;
        account->devices[i].t_ns = 0;
    }
    for (size_t i = 0; i < account->part_count; i++) {
        const struct jb_format_power *power =
            account_power(tick, &account->parts[i]);

        if (!account_is_of(device, &account->parts[i]))
            device++;
        if (!power) {
            device->known = false;
            continue;
        }
        device->uw += power->uw;
        if (power->t_ns > device->t_ns)
            device->t_ns = power->t_ns;
    }
}

bool jb_account_sum(const struct jb_account *account, enum jb_domain_kind kind,
                    uint64_t *uw)
{
    uint64_t sum = 0;
    bool any = false;

    for (size_t i = 0; i < account->count; i++) {
        if (account->devices[i].kind != kind)
            continue;
        if (!account->devices[i].known)
            return false;
        any = true;
        sum += account->devices[i].uw;
    }
    if (any)
        *uw = sum;
    return any;
}

bool jb_account_has(const struct jb_account *account, enum jb_domain_kind kind)
{
    for (size_t i = 0; i < account->count; i++)
        if (account->devices[i].kind == kind)
            return true;
    return false;
}

const struct jb_account_device *
jb_account_find(const struct jb_account *account, enum jb_domain_kind kind,
                uint16_t index)
{
    for (size_t i = 0; i < account->count; i++)
        if (account->devices[i].kind == kind &&
            account->devices[i].index == index)
            return &account->devices[i];
    return NULL;
}
