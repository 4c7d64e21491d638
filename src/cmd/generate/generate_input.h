/**
 * generate_input.h - the prompts of `gen generate`: from the command line, a file or stdin, one
 * or many, as a gen_source.
 */
#ifndef CMD_GENERATE_GENERATE_INPUT_H
#define CMD_GENERATE_GENERATE_INPUT_H

#include "cli/input.h"
#include "cmd/generate/generate_options.h"
#include "cmd/generate/record_csv.h"
#include "cmd/generate/record_notes.h"
#include "cmd/generate/record_options.h"
#include "cmd/record/record_fields.h"
#include "cmd/record/record_rests.h"
#include "gen.h"

struct generate_input {
    const struct generate_settings *settings;
    const struct gen_tokenizer *tokenizer;
    size_t most_bytes;  /**< longest prompt that can fit into the context */
    struct gen_ids ids; /**< the prompt given out last */
    bool given;         /**< the only prompt has been given out */
    /* of a batch: generate_batch.c */
    struct input input;
    struct gen_bytes record;
    const struct gen_bytes *template; /**< of prompts; NULL: there is none */
    struct record_csv csv;            /**< names of fields */
    struct gen_bytes next_line;       /**< of a record of CSV, which may have several */
    bool is_open;                     /**< the record's first lines are read, and there are more */
    bool is_whole;                    /**< all of its lines are read, but it is not given out */
    struct record_fields fields;      /**< of a record that has some */
    struct record_options own;
    struct record_notes notes;
    struct progress *progress; /**< to be wiped out before a message */
    struct record_rests rests; /**< of the prompts whose texts are yet to come */
    bool own_length;           /**< --max-new-tokens was given */
    uint64_t next_index;       /**< of the next prompt, those left out not counted */
    uint64_t n_left_out;       /**< before the next prompt, and yet to be said to the engine */
    bool resumes;              /**< prompts up to last_answered are answered */
    uint64_t last_answered;
    struct gen_error error; /**< what is wrong with the prompt given out last */
    bool failed;            /**< reading the batch failed; the message is out */
};

/**
 * Get ready. A single prompt is read and encoded here, so that whatever is wrong with it shows
 * before anything is done; a batch is opened here and read as the engine asks for it.
 */
enum gen_status generate_input_init(struct generate_input *input,
                                    const struct generate_settings *settings,
                                    const struct options_parsed *parsed,
                                    const struct gen_model *model, struct gen_error *err);
void generate_input_release(struct generate_input *input);

/** The text as ids after those in input->ids, or why it cannot be the prompt. */
enum gen_status generate_input_encode(struct generate_input *input, const char *text, size_t n,
                                      struct gen_error *err);

/** gen_source.next and gen_source.ready; the context is the struct generate_input. */
bool generate_input_next(void *context, struct gen_prompt *prompt);
bool generate_input_ready(void *context);

/** Whether a prompt of these ids was an empty one, to which the engine added its first id. */
bool generate_input_was_empty(const struct generate_input *input, const struct gen_config *config,
                              const int32_t *ids, size_t n);

#endif
