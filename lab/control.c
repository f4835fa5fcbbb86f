/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <string.h>

#include "scan.h"

/* What a driver or a dying device can answer a read with. */
static const struct {
    const char *name;
    int value;
} control_errors[] = {
    { "0", 0 },
    { "EACCES", EACCES },
    { "EAGAIN", EAGAIN },
    { "EBUSY", EBUSY },
    { "EINTR", EINTR },
    { "EINVAL", EINVAL },
    { "EIO", EIO },
    { "ENODATA", ENODATA },
    { "ENODEV", ENODEV },
    { "ENOENT", ENOENT },
    { "ENOMEM", ENOMEM },
    { "ENXIO", ENXIO },
    { "EOPNOTSUPP", EOPNOTSUPP },
    { "EPERM", EPERM },
    { "ESTALE", ESTALE },
    { "ETIMEDOUT", ETIMEDOUT },
};

const char *jb_lab_errno_name(int error)
{
    size_t count = sizeof(control_errors) / sizeof(control_errors[0]);

    for (size_t i = 0; i < count; i++)
        if (control_errors[i].value == error)
            return control_errors[i].name;
    return "?";
}

typedef int (*control_reader)(struct jb_lab_scan *line,
                              struct jb_lab_command *command,
                              struct jb_error *err);

static int control_read_wave(struct jb_lab_scan *line,
                             struct jb_lab_command *command,
                             struct jb_error *err)
{
    return jb_lab_wave_parse(line, &command->wave, err);
}

static int control_read_errno(struct jb_lab_scan *line,
                              struct jb_lab_command *command,
                              struct jb_error *err)
{
    size_t count = sizeof(control_errors) / sizeof(control_errors[0]);
    char name[16] = "";

    jb_lab_scan_word(line, "", name, sizeof(name));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(control_errors[i].name, name) != 0)
            continue;
        command->error = control_errors[i].value;
        return JB_OK;
    }
    return jb_fail(err, JB_EFORMAT,
                   "errno: a name such as EIO or ENODATA, or 0 for none");
}

static int control_read_delay(struct jb_lab_scan *line,
                              struct jb_lab_command *command,
                              struct jb_error *err)
{
    if (!jb_lab_scan_time(line, &command->delay_ns) ||
        command->delay_ns > JB_LAB_MAX_DELAY_NS)
        return jb_fail(err, JB_EFORMAT,
                       "delay: a duration such as 250us, at most 3600s");
    return JB_OK;
}

/* What follows a backslash: n, t, backslash, quote, or x and two digits. */
static bool control_scan_escape(struct jb_lab_scan *line, char *byte)
{
    static const char from[] = "nt\\\"";
    static const char to[] = "\n\t\\\"";
    int high, low;

    for (unsigned i = 0; i < sizeof(from) - 1; i++) {
        if (!jb_lab_scan_char(line, from[i]))
            continue;
        *byte = to[i];
        return true;
    }
    if (line->end - line->at < 3 || *line->at != 'x')
        return false;
    high = jb_lab_hex_digit(line->at[1]);
    low = jb_lab_hex_digit(line->at[2]);
    if (high < 0 || low < 0)
        return false;
    *byte = (char)(high * 16 + low);
    line->at += 3;
    return true;
}

static int control_read_quoted(struct jb_lab_scan *line,
                               struct jb_lab_command *command,
                               struct jb_error *err)
{
    while (!jb_lab_scan_char(line, '"')) {
        char byte;

        if (jb_lab_scan_done(line))
            return jb_fail(err, JB_EFORMAT,
                           "text: the closing quote is "
                           "missing");
        if (command->text_len == sizeof(command->text))
            return jb_fail(err, JB_EFORMAT, "text: more than %d bytes",
                           JB_LAB_FAULT_TEXT);
        byte = *line->at++;
        if (byte == '\\' && !control_scan_escape(line, &byte))
            return jb_fail(err, JB_EFORMAT,
                           "text: a backslash is followed by n, t, \\, \" or "
                           "x and two hexadecimal digits");
        command->text[command->text_len++] = byte;
    }
    return JB_OK;
}

static int control_read_text(struct jb_lab_scan *line,
                             struct jb_lab_command *command,
                             struct jb_error *err)
{
    if (jb_lab_scan_literal(line, "none"))
        return JB_OK;
    command->has_text = true;
    if (jb_lab_scan_literal(line, "empty"))
        return JB_OK;
    if (jb_lab_scan_char(line, '"'))
        return control_read_quoted(line, command, err);
    return jb_fail(err, JB_EFORMAT,
                   "text: none, empty, or the bytes in double quotes");
}

static int control_read_mode(struct jb_lab_scan *line,
                             struct jb_lab_command *command,
                             struct jb_error *err)
{
    if (!jb_lab_scan_mode(line, &command->mode))
        return jb_fail(err, JB_EFORMAT, "mode: octal digits such as 0444");
    return JB_OK;
}

static int control_read_freeze(struct jb_lab_scan *line,
                               struct jb_lab_command *command,
                               struct jb_error *err)
{
    command->stop = jb_lab_scan_literal(line, "stop");
    if (!command->stop && !jb_lab_scan_literal(line, "hold"))
        return jb_fail(err, JB_EFORMAT,
                       "freeze: hold (the counter goes on behind) or stop");
    return JB_OK;
}

static int control_read_jump(struct jb_lab_scan *line,
                             struct jb_lab_command *command,
                             struct jb_error *err)
{
    bool back = jb_lab_scan_char(line, '-');
    uint64_t counts;

    if (!jb_lab_scan_u64(line, &counts) || counts > (uint64_t)INT64_MAX / 2)
        return jb_fail(err, JB_EFORMAT,
                       "jump: a number of counts, with - to "
                       "go back");
    command->counts = back ? -(int64_t)counts : (int64_t)counts;
    return JB_OK;
}

static int control_read_plug(struct jb_lab_scan *line,
                             struct jb_lab_command *command,
                             struct jb_error *err)
{
    command->reset = jb_lab_scan_literal(line, "reset");
    if (!command->reset && !jb_lab_scan_literal(line, "keep"))
        return jb_fail(err, JB_EFORMAT, "plug: keep or reset (the counter)");
    return JB_OK;
}

/* The rest of the line, whatever it is. */
static int control_read_mark(struct jb_lab_scan *line,
                             struct jb_lab_command *command,
                             struct jb_error *err)
{
    size_t len = (size_t)(line->end - line->at);

    if (len > sizeof(command->text))
        return jb_fail(err, JB_EFORMAT, "mark: more than %d bytes",
                       JB_LAB_FAULT_TEXT);
    memcpy(command->text, line->at, len);
    command->text_len = len;
    line->at = line->end;
    return JB_OK;
}

enum control_shape {
    CONTROL_ALONE,  /* no target */
    CONTROL_TARGET, /* a target */
    CONTROL_FILE,   /* a target, and perhaps one of its files */
};

struct control_verb {
    const char *name;
    enum control_shape shape;
    control_reader read; /* of the value; NULL: there is none */
};

/* In the order of enum jb_lab_verb. */
static const struct control_verb control_verbs[] = {
    { "wave", CONTROL_TARGET, control_read_wave },
    { "errno", CONTROL_FILE, control_read_errno },
    { "delay", CONTROL_FILE, control_read_delay },
    { "text", CONTROL_FILE, control_read_text },
    { "mode", CONTROL_FILE, control_read_mode },
    { "freeze", CONTROL_TARGET, control_read_freeze },
    { "thaw", CONTROL_TARGET, NULL },
    { "reset", CONTROL_TARGET, NULL },
    { "jump", CONTROL_TARGET, control_read_jump },
    { "unplug", CONTROL_TARGET, NULL },
    { "plug", CONTROL_TARGET, control_read_plug },
    { "mark", CONTROL_ALONE, control_read_mark },
    { "sync", CONTROL_ALONE, NULL },
};

const char *jb_lab_verb_name(enum jb_lab_verb verb)
{
    return control_verbs[verb].name;
}

static int control_read_target(struct jb_lab_scan *line,
                               enum control_shape shape,
                               struct jb_lab_command *command,
                               struct jb_error *err)
{
    if (shape == CONTROL_ALONE)
        return JB_OK;
    if (!jb_lab_scan_blank(line) ||
        !jb_lab_scan_word(line, "-:_", command->target,
                          sizeof(command->target)))
        return jb_fail(err, JB_EFORMAT,
                       "a target such as intel-rapl:0 is wanted");
    if (shape == CONTROL_FILE && jb_lab_scan_char(line, '/') &&
        !jb_lab_scan_word(line, "_", command->file, sizeof(command->file)))
        return jb_fail(err, JB_EFORMAT, "a file's name is wanted behind /");
    return JB_OK;
}

static int control_read_command(struct jb_lab_scan *line,
                                const struct control_verb *verb,
                                struct jb_lab_command *command,
                                struct jb_error *err)
{
    int rc = control_read_target(line, verb->shape, command, err);

    if (rc == JB_OK && verb->read) {
        if (!jb_lab_scan_blank(line))
            return jb_fail(err, JB_EFORMAT, "%s: a value is wanted",
                           verb->name);
        rc = verb->read(line, command, err);
    }
    if (rc < 0)
        return rc;
    jb_lab_scan_blank(line);
    if (!jb_lab_scan_done(line))
        return jb_fail(err, JB_EFORMAT, "%s: text behind the command",
                       verb->name);
    return JB_OK;
}

int jb_lab_command_parse(const char *text, size_t len,
                         struct jb_lab_command *out, struct jb_error *err)
{
    size_t count = sizeof(control_verbs) / sizeof(control_verbs[0]);
    struct jb_lab_scan line = jb_lab_scan_of(text, len);
    struct jb_lab_command command = { 0 };
    char name[12] = "";

    jb_lab_scan_blank(&line);
    jb_lab_scan_word(&line, "", name, sizeof(name));
    for (size_t i = 0; i < count; i++) {
        int rc;

        if (strcmp(control_verbs[i].name, name) != 0)
            continue;
        command.verb = (enum jb_lab_verb)i;
        rc = control_read_command(&line, &control_verbs[i], &command, err);
        if (rc == JB_OK)
            *out = command;
        return rc;
    }
    return jb_fail(err, JB_EFORMAT,
                   "a command is one of wave errno delay text mode freeze "
                   "thaw reset jump unplug plug mark sync");
}
