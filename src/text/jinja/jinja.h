/**
 * jinja.h - the part of Jinja that chat templates are written in, for texts that nobody has
 * checked.
 *
 * Known are for (with if, else, break, continue), if, set (with namespaces and as a block), macro,
 * generation (which marks, and changes nothing) and comments; expressions of numbers, texts, lists
 * and dicts with their operators, slices, attributes, methods, filters and tests; and the handling
 * of white space as transformers has it set (trim_blocks, lstrip_blocks). What is not known is an
 * error that names it and its line: a statement when the template is parsed, the rest when it is
 * reached. Floating point, dates, imports and recursive loops are not known.
 *
 * Whatever the template: depth, steps, memory and output are bounded, and nothing but the given
 * variables is read.
 */
#ifndef TEXT_JINJA_JINJA_H
#define TEXT_JINJA_JINJA_H

#include "gen_base.h"
#include "gen_chat.h"

/** Most bytes of a template. */
#define JINJA_MAX_TEMPLATE ((size_t)1 << 18)

struct jinja;

/** Parse n bytes, which are copied. GEN_UNSUPPORTED: something in it is not known, or it is no
 *  Jinja; the message names the line. */
enum gen_status jinja_parse(struct jinja **out, const char *text, size_t n, struct gen_error *err);
void jinja_free(struct jinja *jinja);

/** What a template is given: messages, add_generation_prompt, bos_token and eos_token; tools and
 *  documents are none. */
struct jinja_variables {
    const struct gen_chat_message *messages;
    size_t n;
    bool add_generation_prompt;
    const char *bos, *eos; /**< "" where there is none */
};

/**
 * Append what the template makes of its variables to `out`. GEN_UNSUPPORTED: it raised an exception
 * (*raised is true; may be NULL), or something in it is not known, or goes on for too long. `out`
 * is then as it was.
 */
enum gen_status jinja_render(const struct jinja *jinja, const struct jinja_variables *variables,
                             struct gen_bytes *out, bool *raised, struct gen_error *err);

#endif
