/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

enum { TABLE_FIRST = 1024 };

void jb_table_init(struct jb_table *table, size_t max)
{
    *table = (struct jb_table){ .max = max, .free = JB_CHAIN_END };
}

void jb_table_release(struct jb_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        jb_table_close_fd(table, &table->rows[i]);
    jb_chain_release(&table->by_pid);
    free(table->rows);
    jb_table_init(table, 0);
}

static bool table_grow(struct jb_table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : TABLE_FIRST;
    struct jb_process *rows;

    if (table->count < table->capacity)
        return true;
    if (!jb_chain_reserve(&table->by_pid, capacity))
        return false;
    rows = reallocarray(table->rows, capacity, sizeof(*rows));
    if (!rows)
        return false;
    table->rows = rows;
    table->capacity = capacity;
    return true;
}

struct jb_process *jb_table_add(struct jb_table *table, uint32_t pid)
{
    uint32_t index = table->free;

    if (table->used >= table->max)
        return NULL;
    if (index == JB_CHAIN_END) {
        if (!table_grow(table))
            return NULL;
        index = (uint32_t)table->count++;
    } else {
        table->free = table->rows[index].due;
    }
    table->used++;
    table->rows[index] = (struct jb_process){
        .pid = pid,
        .fd = -1,
        .group = JB_USAGE_GROUP_NONE,
        .flags = JB_PROCESS_USED,
    };
    jb_chain_add(&table->by_pid, index, jb_chain_hash_u64(pid));
    return &table->rows[index];
}

void jb_table_close_fd(struct jb_table *table, struct jb_process *process)
{
    if (!(process->flags & JB_PROCESS_USED) || process->fd < 0)
        return;
    close(process->fd);
    process->fd = -1;
    table->kept--;
}

void jb_table_remove(struct jb_table *table, struct jb_process *process)
{
    uint32_t index = (uint32_t)(process - table->rows);

    jb_table_close_fd(table, process);
    jb_chain_remove(&table->by_pid, index);
    process->flags = 0;
    process->due = table->free;
    table->free = index;
    table->used--;
}

static struct jb_process *table_match(const struct jb_table *table, uint32_t i,
                                      uint32_t pid)
{
    while (i != JB_CHAIN_END && table->rows[i].pid != pid)
        i = jb_chain_after(&table->by_pid, i);
    return i == JB_CHAIN_END ? NULL : &table->rows[i];
}

struct jb_process *jb_table_newest(const struct jb_table *table, uint32_t pid)
{
    return table_match(
        table, jb_chain_first(&table->by_pid, jb_chain_hash_u64(pid)), pid);
}

struct jb_process *jb_table_after(const struct jb_table *table,
                                  const struct jb_process *process)
{
    uint32_t index = (uint32_t)(process - table->rows);

    return table_match(table, jb_chain_after(&table->by_pid, index),
                       process->pid);
}

struct jb_process *jb_table_oldest(const struct jb_table *table, uint32_t pid)
{
    struct jb_process *found = NULL;

    for (struct jb_process *p = jb_table_newest(table, pid); p;
         p = jb_table_after(table, p))
        found = p;
    return found;
}
