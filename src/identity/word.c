/* SPDX-License-Identifier: Apache-2.0 */
#include "word.h"

#include <string.h>

#include "base/text.h"

struct jb_word jb_word_of(const char *text)
{
    return (struct jb_word){ text, strlen(text) };
}

bool jb_word_equal(struct jb_word a, struct jb_word b)
{
    return a.length == b.length &&
           (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

bool jb_word_is(struct jb_word word, const char *text)
{
    return jb_word_equal(word, jb_word_of(text));
}

bool jb_word_ends_in(struct jb_word word, const char *tail)
{
    size_t length = strlen(tail);

    return word.length >= length &&
           memcmp(word.at + word.length - length, tail, length) == 0;
}

bool jb_word_follows(struct jb_word inner, struct jb_word outer)
{
    return inner.length > 0 && outer.length > 0 &&
           inner.at >= outer.at + outer.length;
}

bool jb_word_next(struct jb_word *rest, char separator, struct jb_word *out)
{
    const char *end;

    if (rest->length == 0)
        return false;
    end = memchr(rest->at, separator, rest->length);
    *out = (struct jb_word){ rest->at,
                             end ? (size_t)(end - rest->at) : rest->length };
    rest->at += out->length + (end != NULL);
    rest->length -= out->length + (end != NULL);
    return true;
}

const char *jb_word_plain(struct jb_word word, char *out, size_t size)
{
    size_t length = word.length < size ? word.length : size - 1;

    for (size_t i = 0; i < length; i++)
        if ((out[i] = word.at[i]) == '\0')
            out[i] = '?';
    out[length] = '\0';
    jb_text_make_plain(out);
    return out;
}
