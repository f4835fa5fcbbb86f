/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source broker against a server that the test plays, on a thread: one
 * that answers, lies, falls silent, dies and comes back as another.
 */
#include "check.h"
#include "tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "joulebook/plugin/source.h"
#include "wire/options.h"
#include "wire/wire.h"

extern const struct jb_source_desc jb_source_broker;

#define PLAY_MS UINT64_C(1000000)
#define PLAY_S UINT64_C(1000000000)

enum { PLAY_SENSORS_MAX = 40 };

/* How the server answers a question for readings, or hello. */
enum play_manner {
    PLAY_PROPER,
    PLAY_SILENT,
    PLAY_HANGS_UP,
    PLAY_GARBAGE,
    PLAY_TOO_LONG,
    PLAY_HALF,
    PLAY_OTHER_TAG,
    PLAY_OTHER_TYPE,
    PLAY_ONE_LESS,
    PLAY_FUTURE,
    PLAY_REFUSES,
    PLAY_OTHER_VERSION,
    PLAY_OTHER_CLOCK,
    PLAY_MANY_SENSORS,
    PLAY_NAMES_TWICE,
    PLAY_NO_PAGES,
};

struct play {
    struct tree tree;
    struct sockaddr_un place;
    int listener;
    _Atomic int peer;
    pthread_t thread;
    bool running;
    _Atomic int hello, read; /* enum play_manner */
    _Atomic uint32_t generation;
    _Atomic int connections;
    const char *names[PLAY_SENSORS_MAX];
    uint32_t count;
    union jb_wire_message message;
    struct jb_source *source;
};

static uint64_t play_now_ns(void)
{
    return jb_clock_now_ns(&jb_clock_boottime);
}

/* A sensor's reading says which one it is: 1000 and its name's last letter. */
static void play_describe(const char *name, struct jb_wire_sensor *out)
{
    struct jb_sensor sensor = {
        .domain = { JB_DOMAIN_PACKAGE, (uint16_t)name[strlen(name) - 1],
                    JB_NO_DIE },
        .unit = { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
        .kind = JB_KIND_COUNTER,
        .quantum = 1,
        .rank = 20,
        .flags = JB_SENSOR_MAY_BLOCK,
        .endpoint = 3,
    };

    jb_wire_put_sensor(&sensor, name, out);
}

static uint64_t play_digest(const struct play *play)
{
    uint64_t digest = 0;

    for (uint32_t i = 0; i < play->count; i++) {
        struct jb_wire_sensor sensor;

        play_describe(play->names[i], &sensor);
        digest = jb_wire_digest(digest, &sensor);
    }
    return digest;
}

static void play_welcome(struct play *play, uint32_t tag)
{
    struct jb_wire_welcome *welcome = &play->message.welcome;
    enum play_manner manner = play->hello;

    jb_wire_begin(&play->message, JB_WIRE_WELCOME, tag, 0);
    welcome->version = manner == PLAY_OTHER_VERSION ? 2 : 1;
    welcome->sensors =
        manner == PLAY_MANY_SENSORS ? JB_WIRE_SENSORS_MAX + 1 : play->count;
    welcome->digest = play_digest(play);
    welcome->now_ns = manner == PLAY_OTHER_CLOCK ? 5 * PLAY_MS : play_now_ns();
    snprintf(welcome->root, sizeof(welcome->root), "/elsewhere");
}

static void play_page(struct play *play, uint32_t tag, uint32_t first)
{
    uint32_t count = play->count - first;

    if (count > JB_WIRE_PAGE_MAX)
        count = JB_WIRE_PAGE_MAX;
    if (play->hello == PLAY_NO_PAGES)
        count = 0;
    jb_wire_begin(&play->message, JB_WIRE_SENSORS, tag, count);
    play->message.sensors.first = first;
    for (uint32_t i = 0; i < count; i++)
        play_describe(play->hello == PLAY_NAMES_TWICE ? "a/b"
                                                      : play->names[first + i],
                      &play->message.sensors.list[i]);
}

static void play_samples(struct play *play, uint32_t tag)
{
    uint32_t count = play->message.read.count;
    uint32_t which[JB_WIRE_READ_MAX];
    struct jb_wire_sample *list = play->message.samples.list;
    uint64_t ahead_ns = play->read == PLAY_FUTURE ? 60 * PLAY_S : 0;

    memcpy(which, play->message.read.which, count * sizeof(*which));
    if (play->read == PLAY_ONE_LESS)
        count--;
    jb_wire_begin(&play->message, JB_WIRE_SAMPLES, tag, count);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = play->names[which[i]];

        list[i] = (struct jb_wire_sample){
            .raw = 1000 + (uint64_t)name[strlen(name) - 1],
            .t0_ns = play_now_ns(),
            .t1_ns = play_now_ns() + ahead_ns,
            .generation = play->generation,
        };
    }
    if (play->read == PLAY_OTHER_TAG)
        play->message.head.tag++;
    if (play->read == PLAY_OTHER_TYPE)
        play_welcome(play, tag);
}

static void play_refuse(struct play *play, uint32_t tag)
{
    jb_wire_begin(&play->message, JB_WIRE_ERROR, tag, 0);
    play->message.error.status = JB_ELIMIT;
    snprintf(play->message.error.text, sizeof(play->message.error.text),
             "enough");
    snprintf(play->message.error.fix, sizeof(play->message.error.fix), "wait");
}

/* False when the connection is to be closed. */
static bool play_send(struct play *play, enum play_manner manner)
{
    char much[JB_WIRE_BYTES_MAX + 100] = { 0 };
    size_t bytes = play->message.head.bytes;

    switch (manner) {
    case PLAY_SILENT:
        return true;
    case PLAY_HANGS_UP:
        return false;
    case PLAY_GARBAGE:
        return send(play->peer, "once upon a time", 16, MSG_NOSIGNAL) > 0;
    case PLAY_TOO_LONG:
        memcpy(much, &play->message, bytes);
        return send(play->peer, much, sizeof(much), MSG_NOSIGNAL) > 0;
    case PLAY_HALF:
        return send(play->peer, &play->message, bytes / 2, MSG_NOSIGNAL) > 0;
    default:
        return send(play->peer, &play->message, bytes, MSG_NOSIGNAL) > 0;
    }
}

static bool play_answer(struct play *play)
{
    ssize_t got =
        recv(play->peer, &play->message, sizeof(play->message), MSG_TRUNC);
    uint32_t tag = play->message.head.tag;

    if (got <= 0 || jb_wire_check(&play->message, (size_t)got, NULL) != JB_OK)
        return false;
    switch (play->message.head.type) {
    case JB_WIRE_HELLO:
        if (play->hello == PLAY_REFUSES)
            play_refuse(play, tag);
        else
            play_welcome(play, tag);
        return play_send(play, play->hello);
    case JB_WIRE_DESCRIBE:
        play_page(play, tag, play->message.describe.first);
        return play_send(play, PLAY_PROPER);
    default:
        if (play->read == PLAY_REFUSES)
            play_refuse(play, tag);
        else
            play_samples(play, tag);
        return play_send(play, play->read);
    }
}

static void *play_serve(void *argument)
{
    struct play *play = argument;

    for (;;) {
        play->peer = accept(play->listener, NULL, NULL);
        if (play->peer < 0)
            return NULL;
        play->connections++;
        while (play_answer(play))
            ;
        close(play->peer);
    }
}

static void play_start(struct play *play)
{
    play->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    unlink(play->place.sun_path);
    assert_int_equal(bind(play->listener, (struct sockaddr *)&play->place,
                          sizeof(play->place)),
                     0);
    assert_int_equal(listen(play->listener, 8), 0);
    assert_int_equal(pthread_create(&play->thread, NULL, play_serve, play), 0);
    play->running = true;
}

/* As if it was killed: what it is in the middle of ends too. */
static void play_stop(struct play *play)
{
    if (!play->running)
        return;
    shutdown(play->listener, SHUT_RDWR);
    shutdown(play->peer, SHUT_RDWR);
    pthread_join(play->thread, NULL);
    close(play->listener);
    play->running = false;
}

static void play_init(struct play *play)
{
    char path[TREE_PATH_MAX];

    *play = (struct play){ .count = 3,
                           .peer = -1,
                           .names = { "x/a", "x/b", "y/c" } };
    tree_init(&play->tree);
    tree_path(&play->tree, "b.sock", path);
    play->place.sun_family = AF_UNIX;
    snprintf(play->place.sun_path, sizeof(play->place.sun_path), "%.100s",
             path);
}

static void play_release(struct play *play)
{
    jb_source_broker.close(play->source);
    play_stop(play);
    tree_release(&play->tree);
}

static const struct jb_roots play_roots = { "/sys", "/proc", "/none", "/dev" };

static int play_open(struct play *play, struct jb_error *err)
{
    struct jb_env env = { &play_roots, &jb_clock_boottime, false };
    struct jb_broker_options options = { .socket = play->place.sun_path };

    return jb_source_broker.open(&env, &options, &play->source, err);
}

/* Reads all sensors; how long it took. */
static uint64_t play_read(struct play *play, struct jb_sample *out)
{
    uint32_t which[PLAY_SENSORS_MAX];
    uint64_t begin_ns = play_now_ns();
    size_t count;

    jb_source_broker.sensors(play->source, &count);
    for (uint32_t i = 0; i < count; i++)
        which[i] = i;
    jb_source_broker.sample(play->source, which, count, out);
    return play_now_ns() - begin_ns;
}

/* A server, and the source that is connected to it. */
static void play_begin(const char *label, struct play *play)
{
    struct jb_error err = { 0 };

    play_init(play);
    play_start(play);
    CHECK_STATUS(label, play_open(play, &err), JB_OK, &err);
}

static void play_sleep(uint64_t ns)
{
    struct timespec ts = { (time_t)(ns / PLAY_S), (long)(ns % PLAY_S) };

    nanosleep(&ts, NULL);
}

static void broker_reads(void **state)
{
    struct play play;
    struct jb_sample samples[PLAY_SENSORS_MAX];
    const struct jb_sensor *sensors;
    uint64_t begin_ns;
    size_t count;

    (void)state;
    play_begin("open", &play);
    play.generation = 7;
    sensors = jb_source_broker.sensors(play.source, &count);
    CHECK_U64("sensors", count, 3);
    CHECK_TEXT("name", sensors[2].name, "y/c");
    CHECK_BOOL("below whatever is local", sensors[0].rank == 20 - 10000, true);
    CHECK_U64("one lane", sensors[0].endpoint, 0);
    CHECK_U64("that does not block", sensors[0].flags, 0);
    CHECK_BOOL("another machine is named",
               strstr(sensors[0].note, "/elsewhere") != NULL, true);
    begin_ns = play_now_ns();
    play_read(&play, samples);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_STATUS("state", samples[i].state, JB_OK, NULL);
        CHECK_U64("sensor", samples[i].sensor, i);
        CHECK_U64("raw", samples[i].raw, 1000 + 'a' + i);
        CHECK_U64("generation", samples[i].generation, 0);
        CHECK_BOOL("of now",
                   begin_ns <= samples[i].t0_ns &&
                       samples[i].t0_ns <= samples[i].t1_ns &&
                       samples[i].t1_ns <= play_now_ns(),
                   true);
    }
    play_release(&play);
}

static void broker_reads_several_pages(void **state)
{
    static char names[PLAY_SENSORS_MAX][8];
    struct play play;
    struct jb_error err = { 0 };
    struct jb_sample samples[PLAY_SENSORS_MAX];
    size_t count;

    (void)state;
    play_init(&play);
    for (uint32_t i = 0; i < PLAY_SENSORS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "s/%c", (char)('0' + i));
        play.names[i] = names[i];
    }
    play.count = PLAY_SENSORS_MAX;
    play_start(&play);
    CHECK_STATUS("open", play_open(&play, &err), JB_OK, &err);
    jb_source_broker.sensors(play.source, &count);
    CHECK_U64("sensors", count, PLAY_SENSORS_MAX);
    play_read(&play, samples);
    CHECK_U64("the last", samples[39].raw, 1000 + '0' + 39);
    play_release(&play);
}

struct broker_trouble {
    const char *label;
    enum play_manner manner;
    int status;
    bool same_link; /* the connection is kept */
};

static const struct broker_trouble broker_troubles[] = {
    { "silence", PLAY_SILENT, JB_EBUSY, false },
    { "garbage", PLAY_GARBAGE, JB_EFORMAT, false },
    { "too long", PLAY_TOO_LONG, JB_EFORMAT, false },
    { "half a message", PLAY_HALF, JB_EFORMAT, false },
    { "another tag", PLAY_OTHER_TAG, JB_EFORMAT, false },
    { "another type", PLAY_OTHER_TYPE, JB_EFORMAT, false },
    { "a sample less", PLAY_ONE_LESS, JB_EFORMAT, true },
    { "the future", PLAY_FUTURE, JB_EIMPLAUSIBLE, true },
    { "refused", PLAY_REFUSES, JB_ELIMIT, true },
};

/* Whatever comes is an error of each sample, soon, and over when it is over. */
static void broker_survives_its_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(broker_troubles); i++) {
        const struct broker_trouble *c = &broker_troubles[i];
        struct play play;
        struct jb_sample samples[PLAY_SENSORS_MAX];

        play_begin(c->label, &play);
        play.read = c->manner;
        CHECK_BOOL(c->label, play_read(&play, samples) < PLAY_S, true);
        for (uint32_t k = 0; k < 3; k++) {
            CHECK_STATUS(c->label, samples[k].state, c->status, NULL);
            CHECK_BOOL(c->label, samples[k].t0_ns > 0, true);
        }
        play.read = PLAY_PROPER;
        play_read(&play, samples);
        CHECK_STATUS(c->label, samples[2].state, JB_OK, NULL);
        CHECK_U64(c->label, (uint64_t)play.connections, c->same_link ? 1 : 2);
        play_release(&play);
    }
}

/* A hung server costs its patience once a second, not with each reading. */
static void broker_asks_the_dead_once_a_second(void **state)
{
    struct play play;
    struct jb_sample samples[PLAY_SENSORS_MAX];
    uint64_t took_ns = 0;

    (void)state;
    play_begin("open", &play);
    play.hello = PLAY_SILENT;
    play.read = PLAY_SILENT;
    play_read(&play, samples); /* on the old link */
    play_read(&play, samples); /* tries a new one */
    for (int i = 0; i < 100; i++)
        took_ns += play_read(&play, samples);
    CHECK_BOOL("a hundred readings cost next to nothing",
               took_ns < 100 * PLAY_MS, true);
    CHECK_STATUS("state", samples[0].state, JB_EABSENT, NULL);
    play_release(&play);
}

/* Counters go on while their reader is restarted. */
static void broker_generations(void **state)
{
    struct play play;
    struct jb_sample samples[PLAY_SENSORS_MAX];

    (void)state;
    play_begin("open", &play);
    play.generation = 4;
    play_read(&play, samples);
    CHECK_U64("first", samples[0].generation, 0);
    play.generation = 6;
    play_read(&play, samples);
    CHECK_U64("reset twice", samples[0].generation, 2);
    play_stop(&play);
    play_read(&play, samples);
    CHECK_STATUS("gone", samples[0].state, JB_EABSENT, NULL);
    play.generation = 0;
    play_start(&play);
    play_sleep(PLAY_S + 50 * PLAY_MS);
    play_read(&play, samples);
    CHECK_STATUS("back", samples[0].state, JB_OK, NULL);
    CHECK_U64("not reset", samples[0].generation, 2);
    play.generation = 1;
    play_read(&play, samples);
    CHECK_U64("reset", samples[0].generation, 3);
    play_release(&play);
}

/* One that comes back with other meters is read by name. */
static void broker_finds_its_sensors_again(void **state)
{
    struct play play;
    struct jb_sample samples[PLAY_SENSORS_MAX];

    (void)state;
    play_begin("open", &play);
    play_stop(&play);
    play.names[0] = "y/c";
    play.names[1] = "new/d";
    play.names[2] = "x/a";
    play_start(&play);
    play_read(&play, samples);
    CHECK_STATUS("moved", samples[0].state, JB_OK, NULL);
    CHECK_U64("moved", samples[0].raw, 1000 + 'a');
    CHECK_STATUS("not served any more", samples[1].state, JB_EABSENT, NULL);
    CHECK_U64("moved too", samples[2].raw, 1000 + 'c');
    play_release(&play);
}

struct broker_greeting {
    const char *label;
    enum play_manner manner;
    int status;
    const char *word;
};

static const struct broker_greeting broker_greetings[] = {
    { "hangs up", PLAY_HANGS_UP, JB_EABSENT, "hung up" },
    { "silence", PLAY_SILENT, JB_EBUSY, "does not answer" },
    { "garbage", PLAY_GARBAGE, JB_EFORMAT, "no message of ours" },
    { "too long", PLAY_TOO_LONG, JB_EFORMAT, "" },
    { "half", PLAY_HALF, JB_EFORMAT, "" },
    { "refused", PLAY_REFUSES, JB_ELIMIT, "enough" },
    { "version", PLAY_OTHER_VERSION, JB_EFORMAT, "version 2" },
    { "clock", PLAY_OTHER_CLOCK, JB_EIMPLAUSIBLE, "time namespace" },
    { "many", PLAY_MANY_SENSORS, JB_EFORMAT, "1025" },
    { "twice", PLAY_NAMES_TWICE, JB_EFORMAT, "a/b twice" },
    { "no pages", PLAY_NO_PAGES, JB_EFORMAT, "does not describe" },
};

static void broker_does_not_open_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(broker_greetings); i++) {
        const struct broker_greeting *c = &broker_greetings[i];
        struct play play;
        struct jb_error err = { 0 };

        play_init(&play);
        play.hello = c->manner;
        play_start(&play);
        CHECK_STATUS(c->label, play_open(&play, &err), c->status, &err);
        CHECK_BOOL(err.text, strstr(err.text, c->word) != NULL, true);
        play_release(&play);
    }
}

static void broker_is_not_there(void **state)
{
    struct play play;
    struct jb_error err = { 0 };
    struct jb_env env = { &play_roots, &jb_clock_boottime, false };
    struct jb_broker_options options = { 0 };

    (void)state;
    play_init(&play);
    CHECK_STATUS("no socket", play_open(&play, &err), JB_EABSENT, &err);
    CHECK_BOOL("how to start it", strstr(err.fix, "joulebook broker") != NULL,
               true);
    play_start(&play);
    play_stop(&play);
    CHECK_STATUS("nobody behind it", play_open(&play, &err), JB_EABSENT, &err);
    unsetenv("JOULEBOOK_BROKER");
    CHECK_STATUS("not of another tree",
                 jb_source_broker.open(&env, &options, &play.source, &err),
                 JB_EREFUSED, &err);
    play_start(&play);
    setenv("JOULEBOOK_BROKER", play.place.sun_path, 1);
    CHECK_STATUS("unless it is named",
                 jb_source_broker.open(&env, &options, &play.source, &err),
                 JB_OK, &err);
    unsetenv("JOULEBOOK_BROKER");
    play_release(&play);
}

/* A child that measures on its own must not take its parent's answers. */
static void broker_child_has_a_link_of_its_own(void **state)
{
    struct play play;
    struct jb_sample samples[PLAY_SENSORS_MAX];
    pid_t child;
    int status = 0;

    (void)state;
    play_begin("open", &play);
    child = fork();
    if (child == 0) {
        play_read(&play, samples); /* the server is busy with the parent */
        _exit(samples[0].state == JB_EBUSY ? 0 : 1);
    }
    waitpid(child, &status, 0);
    CHECK_U64("asked anew", (uint64_t)status, 0);
    play_read(&play, samples);
    CHECK_STATUS("the parent goes on", samples[0].state, JB_OK, NULL);
    CHECK_U64("on its own", (uint64_t)play.connections, 1);
    play_release(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broker_reads),
        cmocka_unit_test(broker_reads_several_pages),
        cmocka_unit_test(broker_survives_its_server),
        cmocka_unit_test(broker_asks_the_dead_once_a_second),
        cmocka_unit_test(broker_generations),
        cmocka_unit_test(broker_finds_its_sensors_again),
        cmocka_unit_test(broker_does_not_open_with),
        cmocka_unit_test(broker_is_not_there),
        cmocka_unit_test(broker_child_has_a_link_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
