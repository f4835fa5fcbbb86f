/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds a day of the oracle (oracle/books.py) to the ledger and prints its
 * accounts, so that the two can be held against each other.
 *
 *   ledger_replay < DAY        prints lines "domain consumer uJ"
 *
 * The day is a plain text here, since a test program needs no JSON parser; the
 * test writes both forms from one list:
 *   scope RULE PLACES DOMAINS, then "PLACE WEIGHT" for each; -1 is all places
 *   cut T USES, then for each "CONSUMER PLACE A A A" (-1: not known), then for
 *       each place "BUSY BUSY BUSY CAPACITY CAPACITY CAPACITY"
 *   idle DOMAIN UW
 *   energy DOMAIN T UJ
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/book.h"

enum { USES_MAX = 4096, PLACES_MAX = 16 };

struct replay {
    struct jb_book *book;
    unsigned places, domains;
};

static void replay_stop(const char *what)
{
    fprintf(stderr, "ledger_replay: %s\n", what);
    exit(1);
}

static int64_t replay_number(void)
{
    int64_t number;

    if (scanf("%" SCNd64, &number) != 1)
        replay_stop("a number is missing");
    return number;
}

static void replay_scope(struct replay *day)
{
    struct jb_book_config config = { .history = 64, .consumers_max = 5000 };
    uint32_t index;

    config.rule = (enum jb_rule)replay_number();
    config.places = day->places = (unsigned)replay_number();
    day->domains = (unsigned)replay_number();
    if (day->places > PLACES_MAX || jb_book_new(&config, &day->book, NULL) < 0)
        replay_stop("no such scope");
    for (unsigned d = 0; d < day->domains; d++) {
        int64_t place = replay_number();
        struct jb_book_domain about = {
            .place = (uint16_t)(place < 0 ? JB_PLACE_ALL : place),
            .weight = (enum jb_weight)replay_number(),
        };

        if (jb_book_add_domain(day->book, &about, &index, NULL) < 0)
            replay_stop("no such domain");
    }
}

static void replay_cut(struct replay *day)
{
    static struct jb_use uses[USES_MAX];
    struct jb_place_use places[PLACES_MAX];
    uint64_t t_ns = (uint64_t)replay_number();
    size_t count = (size_t)replay_number();

    if (count > USES_MAX)
        replay_stop("too many uses");
    for (size_t i = 0; i < count; i++) {
        int64_t place;

        uses[i].consumer = (uint32_t)replay_number();
        place = replay_number();
        uses[i].place = (uint16_t)(place < 0 ? JB_PLACE_UNKNOWN : place);
        for (int w = 0; w < JB_WEIGHTS; w++)
            uses[i].amount[w] = (uint64_t)replay_number();
    }
    for (unsigned p = 0; p < day->places; p++) {
        for (int w = 0; w < JB_WEIGHTS; w++)
            places[p].busy[w] = (uint64_t)replay_number();
        for (int w = 0; w < JB_WEIGHTS; w++)
            places[p].capacity[w] = (uint64_t)replay_number();
    }
    if (jb_book_cut(day->book, t_ns, uses, count, places, NULL) < 0)
        replay_stop("a cut was refused");
}

static void replay_energy(struct replay *day)
{
    uint32_t domain = (uint32_t)replay_number();
    uint64_t t_ns = (uint64_t)replay_number();
    struct jb_book_point point = { .energy.uj = replay_number() };

    if (jb_book_energy(day->book, domain, t_ns, &point) < 0)
        replay_stop("an energy was refused");
}

static void replay_print(void *context, const struct jb_posting *posting)
{
    (void)context;
    printf("%u %u %" PRId64 "\n", posting->domain, posting->consumer,
           posting->energy_uj);
}

int main(void)
{
    struct replay day = { 0 };
    char word[16];

    while (scanf("%15s", word) == 1) {
        if (strcmp(word, "scope") == 0) {
            replay_scope(&day);
        } else if (!day.book) {
            replay_stop("no scope comes first");
        } else if (strcmp(word, "cut") == 0) {
            replay_cut(&day);
        } else if (strcmp(word, "energy") == 0) {
            replay_energy(&day);
        } else if (strcmp(word, "idle") == 0) {
            uint32_t domain = (uint32_t)replay_number();

            jb_book_set_idle(day.book, domain, (uint64_t)replay_number());
        } else {
            replay_stop(word);
        }
    }
    for (unsigned d = 0; d < day.domains; d++)
        jb_book_each(day.book, d, replay_print, NULL);
    jb_book_free(day.book);
    return 0;
}
