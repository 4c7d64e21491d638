/**
 * gen_chat.h - chat templates: how a conversation becomes the text that a model reads.
 *
 * gen.h includes it. The conventions of gen.h hold.
 *
 * A template is one of these, by name:
 *
 *   plain     System: ... User: ... Assistant: ..., each on a line
 *   chatml    <|im_start|>user ... <|im_end|>
 *   alpaca    ### Instruction: ... ### Response: ...
 *   llama2    [INST] <<SYS>> ... <</SYS>> ... [/INST]
 *   zephyr    <|user|> ... end-of-text
 *   dialogpt  turns divided by end-of-text; no roles
 *   instruct  LaMini's, of one turn: Below is an instruction ... ### Instruction: ...
 *             ### Response: ...
 *
 * or a pattern as `gen finetune` takes it, for each message ("{role}: {content}\n") or for a pair
 * ("Question: {prompt}\nAnswer: {completion}"), or what a model's files bring: Jinja, which must
 * make of conversations what one of the names does, in other words perhaps.
 *
 * What is rendered, and its ids, are those of transformers' apply_chat_template(): special tokens
 * that are spelled out in the text become their ids, also those that a message has in its content.
 * Who does not want that of a user's words takes them out before.
 */
#ifndef GEN_CHAT_H
#define GEN_CHAT_H

#include "gen_tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Texts are UTF-8. */
struct gen_chat_message {
    const char *role;    /**< "system", "user", "assistant" */
    const char *content; /**< n_content bytes */
    size_t n_content;
};

/** Read-only once made; it may be used from several threads at a time, and needs no model. */
struct gen_chat_template;

struct gen_model;

/**
 * The template of this name or pattern, with the tokens that begin and end a text of this model.
 * name_or_pattern NULL: the model's own, which is what `gen finetune` taught it (gen.template),
 * else the Jinja of tokenizer.chat_template of a GGUF, or chat_template.jinja or
 * tokenizer_config.json of a directory, which are read now; of a list of templates the one called
 * default. *out is NULL, with GEN_OK, where there is none. GEN_BAD_ARGUMENT: no such name, and no
 * pattern; GEN_UNSUPPORTED: the model's template is none of the named ones, or the model brings no
 * tokenizer; GEN_BAD_FILE: its files are malformed.
 */
enum gen_status gen_chat_template_new(struct gen_chat_template **out, const struct gen_model *model,
                                      const char *name_or_pattern, struct gen_error *err);
void gen_chat_template_free(struct gen_chat_template *chat_template);

/** "chatml"; of a pattern the pattern. It belongs to the template, as the next do. */
const char *gen_chat_template_name(const struct gen_chat_template *chat_template);
/** The template as Jinja, as transformers and llama.cpp read it. */
const char *gen_chat_template_jinja(const struct gen_chat_template *chat_template);

/** Texts at which an answer ends, besides the tokens of gen_model_eos_ids(): what comes where the
 *  next turn begins. i < gen_chat_n_stops(), which may be 0. */
size_t gen_chat_n_stops(const struct gen_chat_template *chat_template);
const char *gen_chat_stop(const struct gen_chat_template *chat_template, size_t i);

/**
 * Append the text of n messages to `out`. add_generation_prompt: and how an answer of the assistant
 * begins, without the space that GPT-2's tokens begin with. GEN_BAD_ARGUMENT: the template refuses
 * such a conversation (llama2: the roles must alternate); GEN_UNSUPPORTED: it needs what gen does
 * not do, or goes on for too long. `out` is then as it was.
 */
enum gen_status gen_chat_render(const struct gen_chat_template *chat_template,
                                const struct gen_chat_message *messages, size_t n,
                                bool add_generation_prompt, struct gen_bytes *out,
                                struct gen_error *err);

/** The same as ids of a tokenizer, appended to `ids`. */
enum gen_status gen_chat_encode(const struct gen_chat_template *chat_template,
                                const struct gen_tokenizer *tokenizer,
                                const struct gen_chat_message *messages, size_t n,
                                bool add_generation_prompt, struct gen_ids *ids,
                                struct gen_error *err);

/**
 * Append only what comes after the content of message number `answer`, which is the assistant's,
 * up to the beginning of the next answer: for a model that has read all up to there, its own answer
 * included, and shall read no more than it must. It begins with what ends a turn, end-of-text where
 * the template has that. Errors as above.
 */
enum gen_status gen_chat_render_after(const struct gen_chat_template *chat_template,
                                      const struct gen_chat_message *messages, size_t n,
                                      size_t answer, struct gen_bytes *out, struct gen_error *err);

#ifdef __cplusplus
}
#endif
#endif
