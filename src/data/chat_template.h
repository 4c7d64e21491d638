/**
 * chat_template.h - chat templates by name, of a pattern, or recognized in a model's Jinja. The
 * public half is in gen_chat.h. Whatever it was made from, a template is Jinja, which text/jinja
 * renders; so what it makes of a conversation is what transformers makes of it.
 */
#ifndef DATA_CHAT_TEMPLATE_H
#define DATA_CHAT_TEMPLATE_H

#include "gen.h"

/** The texts of the tokens that begin and end a text, "" where there is none; they are copied. */
struct chat_ends {
    const char *bos, *eos;
};

/** A name, or a pattern of pair_template.h. GEN_BAD_ARGUMENT if it is neither. */
enum gen_status chat_template_new(struct gen_chat_template **out, const char *name_or_pattern,
                                  const struct chat_ends *ends, struct gen_error *err);

/**
 * n bytes of Jinja that must make of some conversations what one of the names makes of them: with
 * and without system message, of several turns, complete and to be answered. White space and bos do
 * not count, a system message of its own may come in where there is none, and the beginning of the
 * answer may be there always or never. What is rendered later is the template's own text.
 * GEN_UNSUPPORTED where it is none of them or cannot be read; the message begins with `where`.
 */
enum gen_status chat_template_recognize(struct gen_chat_template **out, const char *jinja, size_t n,
                                        const struct chat_ends *ends, const char *where,
                                        struct gen_error *err);

/** Append the Jinja of a pattern for messages ("role", "content") or pairs ("prompt",
 *  "completion"). */
enum gen_status chat_pattern_jinja(struct gen_bytes *out, const char *pattern,
                                   struct gen_error *err);

/* ---- for the parts of it ---------------------------------------------------------------------*/

struct chat_name {
    const char *name;
    const char *jinja;
    const char *stops[3]; /**< besides end-of-text: what a turn does not go beyond */
};

#define CHAT_N_NAMES 7
extern const struct chat_name chat_names[CHAT_N_NAMES];

/** All names with commas between. */
#define CHAT_NAMES "plain, chatml, alpaca, llama2, zephyr, dialogpt or instruct"

/** Of a Jinja text; `stops` may be NULL, and is not copied, as the name. */
enum gen_status chat_template_make(struct gen_chat_template **out, const char *jinja, size_t n,
                                   const struct chat_ends *ends, const char *name,
                                   const char *const *stops, struct gen_error *err);

/** A text after what the template makes of a conversation that is to be answered; copied. */
enum gen_status chat_template_set_prompt(struct gen_chat_template *template, const char *text,
                                         size_t n, struct gen_error *err);

#endif
