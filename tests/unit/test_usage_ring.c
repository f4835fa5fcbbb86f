/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of BPF events, written by this test, and the chains of a hash. */
#include "check.h"

#include "usage/bpf/ring.h"
#include "usage/chain.h"

enum { SIZE = 64 };

struct made_ring {
    unsigned long consumer, producer;
    _Alignas(8) char data[2 * SIZE]; /* twice the same, as it is mapped */
};

struct seen {
    char text[64];
    size_t count;
};

static void on_record(void *context, const void *record, size_t length)
{
    struct seen *seen = context;

    snprintf(seen->text + strlen(seen->text),
             sizeof(seen->text) - strlen(seen->text), "%.*s,", (int)length,
             (const char *)record);
    seen->count++;
}

static void put(struct made_ring *ring, const char *text, uint32_t flags)
{
    uint32_t header = (uint32_t)strlen(text) | flags;
    char record[SIZE] = { 0 };

    memcpy(record, &header, sizeof(header));
    snprintf(record + 8, sizeof(record) - 8, "%s", text);
    for (size_t i = 0; i < 8 + strlen(text); i++) {
        size_t at = (ring->producer + i) % SIZE;

        ring->data[at] = ring->data[at + SIZE] = record[i];
    }
    ring->producer += (8 + strlen(text) + 7) & ~7UL;
}

static void test_ring(void **state)
{
    struct made_ring made = { .consumer = 0 };
    struct jb_ring ring = { &made.consumer, &made.producer, made.data, 4096,
                            SIZE };
    struct seen seen = { .count = 0 };
    unsigned long busy_at;

    (void)state;
    CHECK_U64("empty", jb_ring_take(&ring, on_record, &seen), 0);
    put(&made, "one", 0);
    put(&made, "gone", UINT32_C(1) << 30);
    put(&made, "three", 0);
    CHECK_U64("two of three", jb_ring_take(&ring, on_record, &seen), 2);
    CHECK_TEXT("in order", seen.text, "one,three,");
    /* The next goes over the end. */
    put(&made, "abcdefghijklmnop", 0);
    busy_at = made.producer;
    put(&made, "late", UINT32_C(1) << 31);
    put(&made, "last", 0);
    CHECK_U64("up to the busy one", jb_ring_take(&ring, on_record, &seen), 1);
    CHECK_TEXT("whole", seen.text, "one,three,abcdefghijklmnop,");
    CHECK_U64("waits", made.consumer, busy_at);
    made.data[busy_at % SIZE + 3] = 0;
    made.data[busy_at % SIZE + SIZE + 3] = 0;
    CHECK_U64("the rest", jb_ring_take(&ring, on_record, &seen), 2);
    CHECK_TEXT("all", seen.text, "one,three,abcdefghijklmnop,late,last,");
    CHECK_U64("empty", jb_ring_take(&ring, on_record, &seen), 0);
}

static void test_chain(void **state)
{
    struct jb_chain chain = { 0 };

    (void)state;
    CHECK_U64("empty", jb_chain_first(&chain, 5), JB_CHAIN_END);
    assert_true(jb_chain_reserve(&chain, 10));
    for (uint32_t i = 0; i < 60; i++)
        jb_chain_add(&chain, i, i % 3 ? 7 : 7 + 64); /* one bucket */
    assert_true(jb_chain_reserve(&chain, 1000));     /* keeps the order */
    CHECK_U64("newest", jb_chain_first(&chain, 7), 59);
    CHECK_U64("the one before", jb_chain_after(&chain, 59), 58);
    CHECK_U64("others are passed over", jb_chain_after(&chain, 58), 56);
    CHECK_U64("the other hash", jb_chain_first(&chain, 71), 57);
    jb_chain_remove(&chain, 59);
    jb_chain_remove(&chain, 59);
    CHECK_U64("removed", jb_chain_first(&chain, 7), 58);
    jb_chain_clear(&chain);
    CHECK_U64("cleared", jb_chain_first(&chain, 7), JB_CHAIN_END);
    jb_chain_release(&chain);
}

/* Texts of 8 bytes that differ in one: few share 16 bits. */
static void test_hash(void **state)
{
    static unsigned char taken[1 << 16];
    uint64_t secret = jb_chain_secret();
    unsigned shared = 0;

    (void)state;
    for (unsigned i = 0; i < 4096; i++) {
        char text[16];
        uint32_t hash;

        snprintf(text, sizeof(text), "/job_%03u", i % 1000 + i / 1000 * 7000);
        hash = jb_chain_hash_text(secret, text, strlen(text)) & 0xffff;
        shared += taken[hash];
        taken[hash] = 1;
    }
    CHECK_BOOL("spread", shared < 400, true); /* 128 is what chance makes */
    CHECK_BOOL("length counts",
               jb_chain_hash_text(secret, "a", 1) ==
                   jb_chain_hash_text(secret, "a\0", 2),
               false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
