/**
 * generate_rules.h - stop texts, bad words, logit biases and constraints, made ready for a model.
 */
#ifndef CMD_GENERATE_GENERATE_RULES_H
#define CMD_GENERATE_GENERATE_RULES_H

#include "cmd/generate/generate_constraint.h"
#include "cmd/generate/generate_lists.h"
#include "cmd/generate/generate_options.h"
#include "cmd/generate/generate_words.h"
#include "gen.h"

/** Texts that are never written; start from {0}. */
struct generate_bad_words {
    char **texts; /**< [n], of lengths[n] bytes */
    size_t *lengths;
    size_t n, capacity, lengths_capacity;
    struct gen_bad_texts *bad; /**< of all of them, once made; NULL: there are none */
};

/** What settings and their options.sampling point to while generating; start from {0}. */
struct generate_rules {
    struct generate_bad_words bad_words;
    struct gen_logit_bias *bias;
    size_t n_bias, bias_capacity;
    struct generate_words force_words;
    struct gen_ids eos, suppress, begin_suppress, forced_eos, negative;
    bool has_negative;
    struct generate_biases sequence_bias;
    struct generate_breakers breakers; /**< of --dry-sequence-breaker, or llama.cpp's */
    bool has_breakers;                 /**< they are known, and may be none */
    char **texts;                      /**< of --stop and --separator, their escapes resolved */
    size_t n_texts, texts_capacity;
    struct gen_bytes template; /**< text of --template */
    struct generate_constraint constraint;
};

/**
 * Read --bad-words, --force-words, --logit-bias, --eos-token-id, constraints and the other lists
 * into `rules` and let settings->options point to them; resolve the escapes of --stop and
 * --separator. An id given twice keeps its last bias. The tokenizer may be NULL where there are no
 * bad words.
 */
enum gen_status generate_rules_init(struct generate_rules *rules,
                                    struct generate_settings *settings,
                                    const struct gen_tokenizer *tokenizer, struct gen_error *err);

/** Take logit biases "ID=X,ID=X". */
enum gen_status generate_rules_bias(struct generate_rules *rules, const char *list,
                                    struct gen_error *err);
/** Take ids of --eos-token-id, "ID,ID". */
enum gen_status generate_rules_eos(struct generate_rules *rules, const char *list,
                                   struct gen_error *err);
/** Take a bad word; an empty one is none. */
void generate_rules_bad_word(struct generate_rules *rules, const char *word, size_t n);
/** All bad words are there. The tokenizer may be NULL, which is an error where there are some; its
 *  pieces are those of the constraint, which must outlive the rules. */
enum gen_status generate_rules_end_bad_words(struct generate_rules *rules,
                                             struct generate_constraint *constraint,
                                             const struct gen_tokenizer *tokenizer,
                                             struct gen_error *err);
/** Take the negative prompt; the tokenizer may be NULL, which is an error. `special`: as of
 *  --special. */
enum gen_status generate_rules_negative(struct generate_rules *rules,
                                        const struct gen_tokenizer *tokenizer, const char *text,
                                        bool special, struct gen_error *err);

/** Take one text of --sequence-bias, --suppress-tokens, --begin-suppress-tokens,
 *  --forced-eos-token-id or --exponential-decay-length-penalty; `name` is without its dashes. */
enum gen_status generate_rules_take(struct generate_rules *rules, struct gen_sampling *sampling,
                                    const char *name, const char *text, struct gen_error *err);
/** Take a text of --dry-sequence-breaker, "none" for none; the tokenizer may be NULL, which is an
 *  error. */
enum gen_status generate_rules_breaker(struct generate_rules *rules,
                                       const struct gen_tokenizer *tokenizer, const char *text,
                                       struct gen_error *err);
/** Where DRY is on, take llama.cpp's, as far as there is a tokenizer. */
enum gen_status generate_rules_default_breakers(struct generate_rules *rules,
                                                const struct gen_sampling *sampling,
                                                const struct gen_tokenizer *tokenizer,
                                                struct gen_error *err);

void generate_rules_release(struct generate_rules *rules);

#endif
