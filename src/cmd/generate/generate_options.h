/**
 * generate_options.h - the options of `gen generate`.
 */
#ifndef CMD_GENERATE_GENERATE_OPTIONS_H
#define CMD_GENERATE_GENERATE_OPTIONS_H

#include "cli/model_options.h"
#include "gen.h"

enum generate_stop_at { GENERATE_STOP_AT_LIMIT, GENERATE_STOP_AT_SENTENCE };
/** Names of the above, NULL-terminated. */
extern const char *const generate_stop_at_names[];
enum generate_context { GENERATE_CONTEXT_STOP, GENERATE_CONTEXT_SLIDE };

/** What the command line says; the parser fills it. */
struct generate_settings {
    struct gen_generate_options options;
    struct model_settings model;
    int32_t defaults;       /**< enum generate_defaults, of model_defaults.h */
    int32_t early_stopping; /**< enum gen_early_stopping */

    /* where prompts come from */
    const char *prompt, *file, *prompt_ids, *template, *prompt_cache;
    bool lines, jsonl, null, csv;
    int32_t first_index;
    bool special; /**< special tokens in prompts stand for themselves */

    /* what needs a tokenizer or a check before it can go into `options` */
    bool greedy;
    bool do_sample;
    bool beams_draw;   /**< beams are drawn, unless greedy */
    bool json_object;  /**< a form of the text, as those below */
    float temperature; /**< as it was given: for a record that draws in a run that does not */
    struct option_list stop, logit_bias, eos_token_id;
    struct option_list sequence_bias, suppress_tokens, begin_suppress_tokens, forced_eos;
    struct option_list dry_breakers;
    const char *length_decay;
    const char *bad_words, *force_words, *negative_prompt;
    const char *regex, *grammar, *json_schema, *choices; /**< the form of the text */
    const struct generate_constraint *form; /**< what was made of it; NULL: nothing yet */
    bool speculate, no_speculate;
    bool resume;
    int32_t context; /**< enum generate_context */
    int32_t stop_at; /**< enum generate_stop_at */
    const char *draft_model;

    /* output */
    bool no_echo, json, no_timings, verbose, quiet;
    const char *save_logits, *separator, *output;
    const char *output_dir, *name;
    const char *shard_text;
    int32_t shard, n_shards; /**< from 1; 0 shards: all prompts */
    int32_t color;           /**< enum text_color */
};

extern const struct options_spec generate_spec;

void generate_set_defaults(void *settings);

/**
 * Check what the parser cannot, one option against the other, and complete settings->options
 * with what needs no model. GEN_BAD_ARGUMENT and a sentence if the command line makes no sense.
 */
enum gen_status generate_settings_complete(struct generate_settings *settings,
                                           const struct options_parsed *parsed,
                                           struct gen_error *err);

/** Check options of one text against each other; they may be a prompt's own. */
enum gen_status generate_options_check(const struct gen_generate_options *options,
                                       struct gen_error *err);

/** Whether there may be several prompts: --lines, --jsonl, --csv or --null. */
bool generate_is_batch(const struct generate_settings *settings);

/** Whether a record has fields, among which there may be options. */
bool generate_has_fields(const struct generate_settings *settings);

/** Whether the options under a heading of the table are those of a text. */
bool generate_is_group_of_texts(const char *heading);

/** Whether prompts come from stdin. */
bool generate_reads_stdin(const struct generate_settings *settings,
                          const struct options_parsed *parsed);

#endif
