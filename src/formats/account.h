/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The powers of a tick by device, as formats that know packages and memory want
 * them: dies of one package summed, estimates left out, and no sum of which a
 * part is missing.
 */
#ifndef JB_FORMATS_ACCOUNT_H
#define JB_FORMATS_ACCOUNT_H

#include "format.h"

struct jb_account_device {
    enum jb_domain_kind kind;
    uint16_t index;
    bool known;    /* each of its parts had a figure */
    uint64_t uw;   /* when it is known */
    uint64_t t_ns; /* of its last reading */
};

struct jb_account {
    struct jb_domain *parts; /* that make up the devices, in their order */
    size_t part_count;
    struct jb_account_device *devices; /* by kind, then index */
    size_t count;
};

/* Finds the devices that have a meter, readable or not.  JB_ENOMEM; release in
 * every case. */
JB_NODISCARD int jb_account_init(struct jb_account *account,
                                 const struct jb_format_setup *setup,
                                 struct jb_error *err);
void jb_account_release(struct jb_account *account);

/* Books a tick on the devices. */
void jb_account_take(struct jb_account *account,
                     const struct jb_format_tick *tick);

/* The sum over all devices of a kind.  False when there is none, or one is not
 * known. */
bool jb_account_sum(const struct jb_account *account, enum jb_domain_kind kind,
                    uint64_t *uw);

/* Whether there is such a device, known or not. */
bool jb_account_has(const struct jb_account *account, enum jb_domain_kind kind);

/* A device, or NULL. */
const struct jb_account_device *
jb_account_find(const struct jb_account *account, enum jb_domain_kind kind,
                uint16_t index);

#endif
