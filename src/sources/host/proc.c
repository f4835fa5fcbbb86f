/* SPDX-License-Identifier: Apache-2.0 */
#include "proc.h"

#include <string.h>

#include "base/text.h"
#include "core/procstat.h"

enum {
    PROC_CPU_MAX = 65535,
    PROC_DISK_FIELDS = 7, /* after the name, up to sectors written */
    PROC_NET_FIELDS = 9,  /* up to bytes sent */
    PROC_TIME_FIELDS = 5, /* user, nice, system, idle, iowait */
};

static bool proc_line(struct jb_proc_text *text, struct jb_proc_text *line)
{
    const char *end;

    if (text->at == text->end)
        return false;
    end = memchr(text->at, '\n', (size_t)(text->end - text->at));
    line->at = text->at;
    line->end = end ? end : text->end;
    text->at = end ? end + 1 : text->end;
    return true;
}

static bool proc_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool proc_word(struct jb_proc_text *line, struct jb_proc_word *out)
{
    while (line->at < line->end && proc_blank(*line->at))
        line->at++;
    out->at = line->at;
    while (line->at < line->end && !proc_blank(*line->at))
        line->at++;
    out->length = (size_t)(line->at - out->at);
    return out->length > 0;
}

static bool proc_number(struct jb_proc_text *line, uint64_t *out)
{
    struct jb_proc_word word;

    return proc_word(line, &word) && jb_text_u64(word.at, word.length, out);
}

/* How many of at most max numbers could be read before the line's end; a word
 * that is no number makes it -1. */
static int proc_numbers(struct jb_proc_text *line, uint64_t *out, int max)
{
    struct jb_proc_word word;
    int count = 0;

    while (count < max && proc_word(line, &word)) {
        if (!jb_text_u64(word.at, word.length, &out[count]))
            return -1;
        count++;
    }
    return count;
}

bool jb_proc_word_is(const struct jb_proc_word *word, const char *name)
{
    return strlen(name) == word->length &&
           memcmp(name, word->at, word->length) == 0;
}

static int proc_cpu(const struct jb_proc_word *name,
                    const struct jb_proc_text *rest, struct jb_proc_cpu *out)
{
    struct jb_procstat times;
    uint64_t cpu;

    if (!jb_text_u64(name->at + 3, name->length - 3, &cpu) ||
        cpu > PROC_CPU_MAX ||
        !jb_procstat_parse_fields(rest->at, (size_t)(rest->end - rest->at),
                                  &times))
        return JB_EFORMAT;
    out->cpu = (uint32_t)cpu;
    out->busy_ticks = times.busy;
    return 1;
}

int jb_proc_next_cpu(struct jb_proc_text *text, struct jb_proc_cpu *out)
{
    struct jb_proc_text line;
    struct jb_proc_word name;

    while (proc_line(text, &line)) {
        if (!proc_word(&line, &name) || name.length < 3 ||
            memcmp(name.at, "cpu", 3) != 0)
            return 0;
        if (name.length > 3)
            return proc_cpu(&name, &line, out);
    }
    return 0;
}

int jb_proc_next_disk(struct jb_proc_text *text, struct jb_proc_disk *out)
{
    struct jb_proc_text line;
    struct jb_proc_word name;
    uint64_t numbers[2];
    uint64_t fields[PROC_DISK_FIELDS];

    if (!proc_line(text, &line))
        return 0;
    if (!proc_number(&line, &numbers[0]) || !proc_number(&line, &numbers[1]) ||
        !proc_word(&line, &name) ||
        proc_numbers(&line, fields, PROC_DISK_FIELDS) != PROC_DISK_FIELDS)
        return JB_EFORMAT;
    out->name = name;
    out->read_sectors = fields[2];
    out->written_sectors = fields[6];
    return 1;
}

static int proc_net(struct jb_proc_text line, const char *colon,
                    struct jb_proc_net *out)
{
    struct jb_proc_text left = { line.at, colon };
    struct jb_proc_text right = { colon + 1, line.end };
    struct jb_proc_word name;
    uint64_t fields[PROC_NET_FIELDS];

    if (!proc_word(&left, &name) ||
        proc_numbers(&right, fields, PROC_NET_FIELDS) != PROC_NET_FIELDS)
        return JB_EFORMAT;
    out->name = name;
    out->received_bytes = fields[0];
    out->sent_bytes = fields[8];
    return 1;
}

int jb_proc_next_net(struct jb_proc_text *text, struct jb_proc_net *out)
{
    struct jb_proc_text line;

    while (proc_line(text, &line)) {
        const char *colon = memchr(line.at, ':', (size_t)(line.end - line.at));

        /* The two lines of headings have none. */
        if (colon)
            return proc_net(line, colon, out);
    }
    return 0;
}

int jb_proc_next_mount(struct jb_proc_text *text, struct jb_proc_mount *out)
{
    struct jb_proc_text line;
    struct jb_proc_word device;
    struct jb_proc_word path;

    if (!proc_line(text, &line))
        return 0;
    if (!proc_word(&line, &device) || !proc_word(&line, &path))
        return JB_EFORMAT;
    out->device = device;
    out->path = path;
    return 1;
}

/* "MemTotal:       16384 kB", of which the key has been read. */
static bool proc_kib(struct jb_proc_text *line, uint64_t *out)
{
    struct jb_proc_word unit;
    uint64_t value;

    if (!proc_number(line, &value) || !proc_word(line, &unit) ||
        !jb_proc_word_is(&unit, "kB"))
        return false;
    *out = value;
    return true;
}

/* Adds the line's amount to *sum, when it is of this key. */
static bool proc_take_kib(const struct jb_proc_word *key,
                          struct jb_proc_text *line, const char *name,
                          uint64_t *sum)
{
    uint64_t kib;

    if (!jb_proc_word_is(key, name) || !proc_kib(line, &kib) ||
        __builtin_add_overflow(*sum, kib, sum))
        return false;
    return true;
}

int jb_proc_memory(struct jb_proc_text text, struct jb_proc_memory *out)
{
    struct jb_proc_memory memory = { 0 };
    struct jb_proc_text line;
    bool has_total = false;
    bool has_buffers = false;

    while (proc_line(&text, &line)) {
        struct jb_proc_word key;

        if (!proc_word(&line, &key))
            continue;
        if (jb_proc_word_is(&key, "MemTotal:")) {
            has_total = proc_kib(&line, &memory.total_kib);
        } else if (jb_proc_word_is(&key, "MemAvailable:")) {
            if (!proc_kib(&line, &memory.available_kib))
                return JB_EFORMAT;
            memory.has_available = true;
        }
        memory.has_free |=
            proc_take_kib(&key, &line, "MemFree:", &memory.free_kib);
        has_buffers |=
            proc_take_kib(&key, &line, "Buffers:", &memory.cached_kib);
        memory.has_cached |=
            proc_take_kib(&key, &line, "Cached:", &memory.cached_kib);
    }
    memory.has_cached &= has_buffers;
    if (!has_total)
        return JB_EFORMAT;
    if (memory.available_kib > memory.total_kib)
        return JB_EIMPLAUSIBLE;
    *out = memory;
    return JB_OK;
}

int jb_proc_times(struct jb_proc_text text, struct jb_proc_times *out)
{
    struct jb_proc_text line;
    struct jb_proc_word name;
    uint64_t fields[PROC_TIME_FIELDS];

    if (!proc_line(&text, &line) || !proc_word(&line, &name) ||
        !jb_proc_word_is(&name, "cpu"))
        return JB_EABSENT;
    if (proc_numbers(&line, fields, PROC_TIME_FIELDS) != PROC_TIME_FIELDS)
        return JB_EFORMAT;
    *out = (struct jb_proc_times){ .user_ticks = fields[0],
                                   .system_ticks = fields[2],
                                   .idle_ticks = fields[3],
                                   .iowait_ticks = fields[4] };
    return JB_OK;
}

/* The kernel prints exactly two digits after the point. */
static bool proc_hundredths(struct jb_proc_text *text, uint64_t *out)
{
    struct jb_proc_word word;
    uint64_t whole;
    uint64_t part;

    if (!proc_word(text, &word) || word.length < 4 ||
        word.at[word.length - 3] != '.' ||
        !jb_text_u64(word.at, word.length - 3, &whole) ||
        !jb_text_u64(word.at + word.length - 2, 2, &part) ||
        __builtin_mul_overflow(whole, UINT64_C(100), &whole) ||
        __builtin_add_overflow(whole, part, &whole))
        return false;
    *out = whole;
    return true;
}

int jb_proc_load(struct jb_proc_text text, uint64_t hundredths[3])
{
    struct jb_proc_text line = text;
    uint64_t values[3];

    if (!proc_line(&text, &line))
        return JB_EFORMAT;
    for (int i = 0; i < 3; i++)
        if (!proc_hundredths(&line, &values[i]))
            return JB_EFORMAT;
    memcpy(hundredths, values, sizeof(values));
    return JB_OK;
}

/* Value of three octal digits, or -1. */
static int proc_octal(const char *at, size_t left)
{
    int value = 0;

    if (left < 3)
        return -1;
    for (int i = 0; i < 3; i++) {
        if (at[i] < '0' || at[i] > '7')
            return -1;
        value = 8 * value + (at[i] - '0');
    }
    return value > 0 && value < 256 ? value : -1;
}

bool jb_proc_unescape(const struct jb_proc_word *word, char *out,
                      size_t capacity)
{
    size_t used = 0;
    int value = 0;

    for (size_t i = 0; i < word->length; i++) {
        value = (unsigned char)word->at[i];
        if (value == '\\') {
            value = proc_octal(word->at + i + 1, word->length - i - 1);
            i += 3;
        }
        if (value == 0)
            value = -1;
        if (value < 0 || used + 1 >= capacity)
            break;
        out[used++] = (char)value;
        value = 0;
    }
    if (value != 0 || capacity == 0)
        used = 0;
    if (capacity > 0)
        out[used] = '\0';
    return used > 0;
}

bool jb_proc_is_partition(const struct jb_proc_word *name)
{
    static const char *const lettered[] = { "sd", "hd", "vd", "xvd" };
    size_t stem = name->length;

    while (stem > 0 && name->at[stem - 1] >= '0' && name->at[stem - 1] <= '9')
        stem--;
    if (stem == 0 || stem == name->length)
        return false;
    if (name->at[stem - 1] == 'p' && stem >= 2)
        return name->at[stem - 2] >= '0' && name->at[stem - 2] <= '9';
    for (size_t i = 0; i < sizeof(lettered) / sizeof(lettered[0]); i++)
        if (strlen(lettered[i]) < stem &&
            memcmp(lettered[i], name->at, strlen(lettered[i])) == 0)
            return true;
    return false;
}
