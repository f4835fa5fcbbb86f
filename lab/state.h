/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running lab without its face: the world, the tree with its faults, and the
 * journal, and the two things that can be done to them: read a file, obey a
 * command.  The FUSE server and the tmpfs writer are faces of it.
 *
 * Time is an argument; one thread.
 */
#ifndef JB_LAB_STATE_H
#define JB_LAB_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"

#include "journal.h"
#include "tree.h"
#include "world.h"

enum { JB_LAB_ANSWER_SIZE = 128, JB_LAB_MAX_COMMANDS = 4096 };

struct jb_lab_state {
    struct jb_lab_world world;
    struct jb_lab_tree tree;
    struct jb_lab_journal journal;
    uint64_t served;   /* reads of energy, gauges and registers */
    uint64_t accepted; /* commands */
    uint64_t refused;
    struct jb_error last_refusal;
};

struct jb_lab_answer {
    int error; /* an errno value; 0: the bytes are good */
    size_t len;
    char bytes[JB_LAB_ANSWER_SIZE];
};

/* Builds the tree and opens the journal (path NULL: none); does not start it.
 * Release also after a failure. */
int jb_lab_state_init(struct jb_lab_state *state,
                      const struct jb_lab_world *world,
                      const char *journal_path, struct jb_error *err);
void jb_lab_state_release(struct jb_lab_state *state);

/* What a read of the file gives at at_ns, faults included (its delay is the
 * caller's to keep).  Energy and gauges are recorded in the journal. */
void jb_lab_state_read(struct jb_lab_state *state, unsigned node,
                       uint64_t at_ns, struct jb_lab_answer *answer);

/* What a read of `size` bytes at the offset `reg` of a CPU's registers gives:
 * one register's eight bytes; EIO for one that the CPU does not have, EINVAL
 * for a size that is no multiple of eight. */
void jb_lab_state_rdmsr(struct jb_lab_state *state, unsigned node, uint64_t reg,
                        size_t size, uint64_t at_ns,
                        struct jb_lab_answer *answer);

/* Obeys the commands in `text`, one per line: all of them, or none when one is
 * malformed or names what is not there (JB_EFORMAT, JB_EABSENT; the reason is
 * kept for the status page). */
int jb_lab_state_obey(struct jb_lab_state *state, const char *text, size_t len,
                      uint64_t at_ns, struct jb_error *err);

/* The status page, appended to `out`. */
void jb_lab_state_status(const struct jb_lab_state *state, uint64_t at_ns,
                         struct jb_lab_text *out);

/* False while the node's zone or device is unplugged. */
bool jb_lab_state_is_visible(const struct jb_lab_state *state, unsigned node);

#endif
