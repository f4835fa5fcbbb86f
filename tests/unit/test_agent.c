/* SPDX-License-Identifier: Apache-2.0 */
/* The server's parts: limits, users, answers, and the socket. */
#include "check.h"
#include "tree.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/door.h"
#include "agent/guest.h"
#include "agent/limit.h"
#include "agent/service.h"

#define AGENT_S UINT64_C(1000000000)
#define AGENT_MS UINT64_C(1000000)

static union jb_wire_message message;

/* How many of `asked` are granted, one each step_ns from the start. */
static unsigned agent_take(const struct jb_limit *limit, uint64_t *spent_ns,
                           uint64_t start_ns, unsigned asked, uint64_t step_ns)
{
    unsigned granted = 0;

    for (unsigned i = 0; i < asked; i++)
        granted += jb_limit_take(limit, spent_ns, start_ns + i * step_ns);
    return granted;
}

static void agent_limit_is_a_rate_and_a_burst(void **state)
{
    struct jb_limit limit = jb_limit_make(50, 10);
    uint64_t spent_ns = 0;

    (void)state;
    CHECK_U64("the burst", agent_take(&limit, &spent_ns, AGENT_S, 100, 0), 10);
    CHECK_U64("when the next comes",
              jb_limit_next_ns(&limit, spent_ns) - AGENT_S, 20 * AGENT_MS);
    CHECK_U64("not before",
              agent_take(&limit, &spent_ns, AGENT_S + 20 * AGENT_MS - 1, 1, 0),
              0);
    CHECK_U64("then",
              agent_take(&limit, &spent_ns, AGENT_S + 20 * AGENT_MS, 2, 0), 1);
    /* Ten seconds at a thousand per second. */
    CHECK_U64("the rate",
              agent_take(&limit, &spent_ns, 2 * AGENT_S, 10000, AGENT_MS),
              10 + 499);
    CHECK_BOOL("spent", jb_limit_is_fresh(spent_ns, 12 * AGENT_S), false);
    CHECK_U64("an hour later a burst again",
              agent_take(&limit, &spent_ns, 3600 * AGENT_S, 100, 0), 10);
    limit = jb_limit_make(0, 0);
    CHECK_U64("none", agent_take(&limit, &spent_ns, AGENT_S, 1000, 0), 1000);
}

static void agent_guests_are_remembered(void **state)
{
    struct jb_guests guests;
    struct jb_guest *first;

    (void)state;
    assert_int_equal(jb_guests_init(&guests, 2, NULL), JB_OK);
    first = jb_guests_find(&guests, 1000, AGENT_S);
    assert_non_null(first);
    first->reads_ns = 2 * AGENT_S; /* spent, and gone */
    assert_ptr_equal(jb_guests_find(&guests, 1000, AGENT_S), first);
    jb_guests_find(&guests, 1001, AGENT_S)->connections = 1;
    CHECK_BOOL("hanging up does not forget",
               jb_guests_find(&guests, 1002, AGENT_S) == NULL, true);
    assert_ptr_equal(jb_guests_find(&guests, 1002, 2 * AGENT_S), first);
    CHECK_U64("another's place", first->reads_ns, 0);
    CHECK_BOOL("who is there stays",
               jb_guests_find(&guests, 1003, 2 * AGENT_S) == first, true);
    jb_guests_release(&guests);
}

/* Two sensors, and one user who is connected. */
struct agent_room {
    struct jb_wire_sensor sensors[20];
    struct jb_service service;
    struct jb_guest guest;
    struct jb_peer peer;
};

static struct agent_room room;

static void agent_open(void)
{
    struct jb_sensor sensor = { .unit = { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
                                .quantum = 1 };

    memset(&room, 0, sizeof(room));
    for (unsigned i = 0; i < CHECK_COUNT(room.sensors); i++) {
        char name[JB_NAME_MAX];

        snprintf(name, sizeof(name), "test/%u", i);
        jb_wire_put_sensor(&sensor, name, &room.sensors[i]);
    }
    jb_service_init(&room.service, room.sensors, CHECK_COUNT(room.sensors),
                    "/sys", 50);
    room.peer.guest = &room.guest;
}

static enum jb_answer agent_ask(enum jb_wire_type type, uint32_t count,
                                uint32_t value, uint64_t now_ns)
{
    size_t bytes = jb_wire_begin(&message, type, 5, count);

    if (type == JB_WIRE_HELLO)
        message.hello.oldest = message.hello.newest = (uint16_t)value;
    if (type == JB_WIRE_DESCRIBE)
        message.describe.first = value;
    for (uint32_t i = 0; type == JB_WIRE_READ && i < count; i++)
        message.read.which[i] = value;
    return jb_service_take(&room.service, &room.peer, &message, bytes, now_ns);
}

static void agent_greets_and_describes(void **state)
{
    (void)state;
    agent_open();
    assert_int_equal(agent_ask(JB_WIRE_HELLO, 0, 1, AGENT_S), JB_ANSWER_NOW);
    assert_int_equal(message.head.type, JB_WIRE_WELCOME);
    CHECK_U64("tag", message.head.tag, 5);
    CHECK_U64("sensors", message.welcome.sensors, 20);
    CHECK_U64("rate", message.welcome.reads_per_s, 50);
    CHECK_U64("clock", message.welcome.now_ns, AGENT_S);
    CHECK_TEXT("root", message.welcome.root, "/sys");
    assert_int_equal(agent_ask(JB_WIRE_DESCRIBE, 0, 16, AGENT_S),
                     JB_ANSWER_NOW);
    CHECK_U64("the rest", message.sensors.count, 4);
    CHECK_TEXT("its first", message.sensors.list[0].name, "test/16");
    CHECK_STATUS("whole", jb_wire_check(&message, message.head.bytes, NULL),
                 JB_OK, NULL);
}

struct agent_bad {
    const char *label;
    enum jb_wire_type type;
    uint32_t count, value;
    bool greeted;
    int status;
};

static const struct agent_bad agent_bads[] = {
    { "reads before hello", JB_WIRE_READ, 1, 0, false, JB_EUSAGE },
    { "asks before hello", JB_WIRE_DESCRIBE, 0, 0, false, JB_EUSAGE },
    { "another version", JB_WIRE_HELLO, 0, 2, false, JB_EREFUSED },
    { "a sensor that is none", JB_WIRE_READ, 2, 20, true, JB_EUSAGE },
    { "the last number", JB_WIRE_READ, 2, UINT32_MAX, true, JB_EUSAGE },
    { "behind the sensors", JB_WIRE_DESCRIBE, 0, 20, true, JB_EUSAGE },
    { "a reply", JB_WIRE_WELCOME, 0, 0, true, JB_EFORMAT },
    { "an error", JB_WIRE_ERROR, 0, 0, true, JB_EFORMAT },
};

static void agent_answers_nonsense_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(agent_bads); i++) {
        const struct agent_bad *c = &agent_bads[i];

        agent_open();
        room.peer.version = c->greeted;
        assert_int_equal(agent_ask(c->type, c->count, c->value, AGENT_S),
                         JB_ANSWER_LAST);
        assert_int_equal(message.head.type, JB_WIRE_ERROR);
        CHECK_STATUS(c->label, message.error.status, c->status, NULL);
        CHECK_BOOL(c->label, message.error.text[0] != '\0', true);
        CHECK_BOOL(c->label, room.peer.reading, false);
    }
    agent_open();
    memset(&message, 0xa5, sizeof(message));
    assert_int_equal(
        jb_service_take(&room.service, &room.peer, &message, 99, AGENT_S),
        JB_ANSWER_LAST);
    assert_int_equal(jb_service_take(&room.service, &room.peer, &message,
                                     sizeof(message) + 1, AGENT_S),
                     JB_ANSWER_LAST);
}

static void agent_reads_later(void **state)
{
    (void)state;
    agent_open();
    room.peer.version = 1;
    assert_int_equal(agent_ask(JB_WIRE_READ, 3, 19, AGENT_S), JB_ANSWER_LATER);
    CHECK_BOOL("waits", room.peer.reading, true);
    CHECK_U64("for three", room.peer.count, 3);
    CHECK_U64("of this", room.peer.which[2], 19);
    CHECK_U64("tag", room.peer.tag, 5);
    CHECK_U64("from", room.peer.since_ns, AGENT_S);
}

/* Grants in one second of a reading each millisecond; every reading is a round
 * of its own unless `rounds` is false. */
static unsigned agent_flood(uint64_t start_ns, bool rounds)
{
    unsigned granted = 0;

    for (unsigned i = 0; i < 1000; i++) {
        enum jb_answer answer =
            agent_ask(JB_WIRE_READ, 1, 0, start_ns + i * AGENT_MS);

        granted += answer == JB_ANSWER_LATER;
        room.peer.reading = false;
        room.service.round += rounds;
    }
    return granted;
}

static void agent_floods_are_refused(void **state)
{
    (void)state;
    agent_open();
    room.peer.version = 1;
    CHECK_U64("burst and rate", agent_flood(AGENT_S, true), 50 + 49);
    assert_int_equal(message.head.type, JB_WIRE_ERROR);
    CHECK_STATUS("why", message.error.status, JB_ELIMIT, NULL);
    CHECK_BOOL("when",
               message.error.retry_ms > 0 && message.error.retry_ms <= 21,
               true);
    CHECK_BOOL("and is not listened to", room.peer.resume_ns > 2 * AGENT_S - 1,
               true);
    CHECK_U64("one round is one reading", agent_flood(10 * AGENT_S, false),
              1000);
    room.peer.root = true;
    CHECK_U64("root may", agent_flood(20 * AGENT_S, true), 1000);
}

static void agent_messages_are_bounded_too(void **state)
{
    (void)state;
    agent_open();
    for (unsigned i = 0; i < 2000; i++)
        agent_ask(JB_WIRE_HELLO, 0, 1, AGENT_S);
    CHECK_U64("a burst", room.peer.resume_ns, 0);
    agent_ask(JB_WIRE_HELLO, 0, 1, AGENT_S);
    CHECK_BOOL("then it waits", room.peer.resume_ns > AGENT_S, true);
}

/* The socket */

static char agent_socket[TREE_PATH_MAX];

static struct jb_door_config agent_door(const struct tree *tree)
{
    tree_path(tree, "dir/b.sock", agent_socket);
    return (struct jb_door_config){ agent_socket, 0640, (gid_t)-1 };
}

static void agent_door_opens_once(void **state)
{
    struct tree tree;
    struct jb_door_config config;
    struct jb_door door;
    struct jb_door other;
    struct jb_error err = { 0 };
    struct stat status;

    (void)state;
    tree_init(&tree);
    config = agent_door(&tree);
    CHECK_STATUS("first", jb_door_open(&config, &door, &err), JB_OK, &err);
    assert_int_equal(stat(agent_socket, &status), 0);
    CHECK_U64("mode", status.st_mode & 07777, 0640);
    CHECK_STATUS("second", jb_door_open(&config, &other, &err), JB_EBUSY, &err);
    CHECK_BOOL("says what helps", err.fix[0] != '\0', true);
    assert_int_equal(stat(agent_socket, &status), 0);
    jb_door_close(&door);
    CHECK_BOOL("gone", stat(agent_socket, &status) < 0, true);
    tree_release(&tree);
}

/* In a child that is killed: socket and lock file stay, the lock goes. */
static void agent_leave_behind(const struct jb_door_config *config)
{
    pid_t child = fork();
    struct jb_door door;

    if (child == 0)
        _exit(jb_door_open(config, &door, NULL) == JB_OK ? 0 : 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void agent_door_replaces_the_dead(void **state)
{
    struct tree tree;
    struct jb_door_config config;
    struct jb_door door;
    struct jb_error err = { 0 };
    struct stat status;

    (void)state;
    tree_init(&tree);
    config = agent_door(&tree);
    agent_leave_behind(&config);
    assert_int_equal(lstat(agent_socket, &status), 0);
    CHECK_STATUS("stale", jb_door_open(&config, &door, &err), JB_OK, &err);
    jb_door_close(&door);
    tree_release(&tree);
}

static void agent_door_spares_others(void **state)
{
    struct tree tree;
    struct jb_door_config config;
    struct jb_door door;
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    struct stat status;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    (void)state;
    tree_init(&tree);
    config = agent_door(&tree);
    tree_write(&tree, "dir/b.sock", "precious");
    CHECK_STATUS("a file", jb_door_open(&config, &door, NULL), JB_EREFUSED,
                 NULL);
    CHECK_BOOL("stays", stat(agent_socket, &status) == 0 && status.st_size == 8,
               true);
    tree_drop(&tree, "dir/b.sock");
    snprintf(place.sun_path, sizeof(place.sun_path), "%.100s", agent_socket);
    assert_int_equal(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
    assert_int_equal(listen(fd, 1), 0);
    CHECK_STATUS("one that is served", jb_door_open(&config, &door, NULL),
                 JB_EBUSY, NULL);
    assert_int_equal(stat(agent_socket, &status), 0);
    close(fd);
    tree_release(&tree);
}

static void agent_door_wants_a_safe_place(void **state)
{
    struct tree tree;
    struct jb_door_config config;
    struct jb_door door;
    char directory[TREE_PATH_MAX];
    char long_path[300];

    (void)state;
    tree_init(&tree);
    config = agent_door(&tree);
    tree_path(&tree, "dir", directory);
    assert_int_equal(mkdir(directory, 0755), 0);
    assert_int_equal(chmod(directory, 0777), 0);
    CHECK_STATUS("open to all", jb_door_open(&config, &door, NULL), JB_EREFUSED,
                 NULL);
    assert_int_equal(chmod(directory, 01777), 0);
    CHECK_STATUS("but as /tmp is", jb_door_open(&config, &door, NULL), JB_OK,
                 NULL);
    jb_door_close(&door);
    memset(long_path, 'x', sizeof(long_path));
    long_path[299] = '\0';
    config.path = long_path;
    CHECK_STATUS("too long", jb_door_open(&config, &door, NULL), JB_EUSAGE,
                 NULL);
    tree_release(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agent_limit_is_a_rate_and_a_burst),
        cmocka_unit_test(agent_guests_are_remembered),
        cmocka_unit_test(agent_greets_and_describes),
        cmocka_unit_test(agent_answers_nonsense_once),
        cmocka_unit_test(agent_reads_later),
        cmocka_unit_test(agent_floods_are_refused),
        cmocka_unit_test(agent_messages_are_bounded_too),
        cmocka_unit_test(agent_door_opens_once),
        cmocka_unit_test(agent_door_replaces_the_dead),
        cmocka_unit_test(agent_door_spares_others),
        cmocka_unit_test(agent_door_wants_a_safe_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
