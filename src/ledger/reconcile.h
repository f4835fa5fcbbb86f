/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a meter of the whole saw beyond the meters of its parts: the account
 * `rest` (fans, disks, boards, losses of the power supply).  It is signed: two
 * meters of different make can disagree by more than there is.
 */
#ifndef JB_LEDGER_RECONCILE_H
#define JB_LEDGER_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>

#include "book.h"

/* One domain at a cut. */
struct jb_reconcile_part {
    struct jb_domain domain;
    struct jb_book_point point;
    bool known; /* the point is, at this cut */
};

/*
 * The point of `whole` minus those of the parts that are inside it and not
 * inside one another.  False when the whole or one of these is not known at
 * this cut: the rest is then not known either.  Parts that are outside of the
 * whole, or its equals, are ignored; without any part there is no rest.
 *
 * Doubts: edges and gaps of all of them add; both sides of what is uncertain
 * of the parts count, with the sign turned (too much in a part is too little in
 * the rest), and variances add.
 */
JB_NODISCARD bool jb_reconcile_rest(const struct jb_reconcile_part *whole,
                                    const struct jb_reconcile_part *parts,
                                    size_t count, struct jb_book_point *out);

#endif
