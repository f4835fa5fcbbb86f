/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: consumers numbered densely within a book, so that an account is found
 * by an index.  A slot is given up once nothing remembered speaks of it.
 */
#include "inside.h"

enum { SLOTS_FIRST_ROOM = 64 };

bool jb_book_resize(void **array, size_t count, size_t size)
{
    void *grown = reallocarray(*array, count, size);

    if (grown)
        *array = grown;
    return grown != NULL;
}

/* Room for one more slot everywhere that slots number something. */
static int slots_grow(struct jb_book *book)
{
    size_t room = book->slot_room ? book->slot_room * 2 : SLOTS_FIRST_ROOM;

    if (book->slot_count < book->slot_room)
        return JB_OK;
    if (!jb_book_resize((void **)&book->slots, room, sizeof(*book->slots)) ||
        !jb_book_resize((void **)&book->weights, room,
                        sizeof(*book->weights)) ||
        !jb_book_resize((void **)&book->shares, room, sizeof(*book->shares)) ||
        !jb_book_resize((void **)&book->sharers, room, sizeof(*book->sharers)))
        return JB_ENOMEM;
    for (size_t d = 0; d < book->domain_count; d++)
        if (!jb_book_resize((void **)&book->domains[d].accounts, room,
                            sizeof(*book->domains[d].accounts)))
            return JB_ENOMEM;
    book->slot_room = room;
    return JB_OK;
}

static int slots_grow_ids(struct jb_book *book, uint32_t consumer)
{
    size_t room = book->slot_of_room ? book->slot_of_room : SLOTS_FIRST_ROOM;

    if (consumer < book->slot_of_room)
        return JB_OK;
    while (room <= consumer)
        room *= 2;
    if (!jb_book_resize((void **)&book->slot_of, room, sizeof(*book->slot_of)))
        return JB_ENOMEM;
    for (size_t i = book->slot_of_room; i < room; i++)
        book->slot_of[i] = BOOK_NO_SLOT;
    book->slot_of_room = room;
    return JB_OK;
}

uint32_t jb_book_find_slot(const struct jb_book *book, uint32_t consumer)
{
    return consumer < book->slot_of_room ? book->slot_of[consumer]
                                         : BOOK_NO_SLOT;
}

/* A slot that nobody has, or BOOK_NO_SLOT when the ceiling is reached. */
static uint32_t slots_take_free(struct jb_book *book)
{
    uint32_t slot = book->free_slot;

    if (slot != BOOK_NO_SLOT)
        book->free_slot = book->slots[slot].next;
    else if (book->slot_count < book->config.consumers_max)
        slot = (uint32_t)book->slot_count++;
    return slot;
}

static int slots_add(struct jb_book *book, uint32_t consumer, uint32_t *out)
{
    int rc = slots_grow_ids(book, consumer);

    if (rc == JB_OK)
        rc = slots_grow(book);
    if (rc < 0)
        return rc;
    *out = slots_take_free(book);
    if (*out == BOOK_NO_SLOT) {
        *out = JB_CONSUMER_OTHER;
        return JB_OK;
    }
    book->slots[*out] =
        (struct book_slot){ .state = BOOK_SLOT_USED, .consumer = consumer };
    book->slot_of[consumer] = *out;
    for (size_t d = 0; d < book->domain_count; d++)
        book->domains[d].accounts[*out] = (struct book_account){ 0 };
    return JB_OK;
}

int jb_book_need_slot(struct jb_book *book, uint32_t consumer, uint32_t *out)
{
    uint32_t slot = jb_book_find_slot(book, consumer);

    if (consumer >= BOOK_CONSUMERS_MAX)
        return JB_EUSAGE;
    if (slot == BOOK_NO_SLOT)
        return slots_add(book, consumer, out);
    if (book->slots[slot].state ==
        BOOK_SLOT_RETIRING) { /* not gone after all */
        book->slots[slot].state = BOOK_SLOT_USED;
        book->retiring--;
    }
    *out = slot;
    return JB_OK;
}

/* Where what is folded into a slot ends up. */
static uint32_t slots_heir(const struct jb_book *book, uint32_t slot)
{
    while (book->slots[slot].state == BOOK_SLOT_RETIRING)
        slot = book->slots[slot].next;
    return slot;
}

int jb_book_retire(struct jb_book *book, uint32_t consumer, uint32_t into)
{
    uint32_t slot = jb_book_find_slot(book, consumer);
    uint32_t heir;
    int rc;

    if (consumer < JB_CONSUMER_FIXED || consumer == into)
        return JB_EUSAGE;
    if (slot == BOOK_NO_SLOT || book->slots[slot].state == BOOK_SLOT_RETIRING)
        return JB_OK;
    heir = jb_book_find_slot(book, into);
    if (heir == BOOK_NO_SLOT) {
        rc = jb_book_need_slot(book, into, &heir);
        if (rc < 0)
            return rc;
    }
    heir = slots_heir(book, heir);
    if (heir == slot)
        return JB_EUSAGE;
    book->slots[slot].state = BOOK_SLOT_RETIRING;
    book->slots[slot].next = heir;
    book->slots[slot].after = book->cut_count;
    book->retiring++;
    return JB_OK;
}

/* Adds one account to another. */
static void slots_fold_account(struct book_account *into,
                               struct book_account *from)
{
    into->energy_uj += from->energy_uj;
    into->credit += from->credit;
    into->share += from->share;
    into->edge_uj += from->edge_uj;
    into->gap_uj += from->gap_uj;
    into->below_uj += from->below_uj;
    into->above_uj += from->above_uj;
    into->variance_uj2 += from->variance_uj2;
    *from = (struct book_account){ 0 };
}

static bool slots_is_over(const struct jb_book *book, uint32_t slot)
{
    return book->slots[slot].state == BOOK_SLOT_RETIRING &&
           book->slots[slot].after < book_oldest(book);
}

void jb_book_fold_retired(struct jb_book *book)
{
    if (book->retiring == 0)
        return;
    /* All are folded before any is given up: heirs may be among them. */
    for (uint32_t i = JB_CONSUMER_FIXED; i < book->slot_count; i++) {
        uint32_t heir;

        if (!slots_is_over(book, i))
            continue;
        heir = slots_heir(book, i);
        for (size_t d = 0; d < book->domain_count; d++)
            slots_fold_account(&book->domains[d].accounts[heir],
                               &book->domains[d].accounts[i]);
    }
    for (uint32_t i = JB_CONSUMER_FIXED; i < book->slot_count; i++) {
        if (!slots_is_over(book, i))
            continue;
        book->slot_of[book->slots[i].consumer] = BOOK_NO_SLOT;
        book->slots[i] = (struct book_slot){ .state = BOOK_SLOT_FREE,
                                             .next = book->free_slot };
        book->free_slot = i;
        book->retiring--;
    }
}
