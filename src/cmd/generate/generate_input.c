/**
 * generate_input.c - the prompts of `gen generate` as a gen_source: operands, a file or stdin,
 * as text or ids. Many of them are generate_batch.c's; reading is left to cli/input.c, tokens to
 * the library.
 */
#include "cmd/generate/generate_input.h"

#include <stdint.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/ids.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cmd/generate/file_names.h"
#include "cmd/generate/generate_batch.h"
#include "cmd/generate/prompt_text.h"

/* ---- one prompt ------------------------------------------------------------------------------*/

enum gen_status generate_input_encode(struct generate_input *input, const char *text, size_t n,
                                      struct gen_error *err) {
    if (input->tokenizer == NULL) {
        message_set(err, GEN_UNSUPPORTED,
                    "the model has no tokenizer (give the prompt with --prompt-ids)");
        return GEN_UNSUPPORTED;
    }
    if (n > input->most_bytes) {
        message_set(err, GEN_CONTEXT_FULL,
                    "the prompt has %zu bytes, but the context of this model holds %zu at most "
                    "(shorten it, or --context slide)",
                    n, input->most_bytes);
        return GEN_CONTEXT_FULL;
    }
    return gen_tokenizer_encode(input->tokenizer, text, n, input->settings->special, &input->ids,
                                err);
}

static enum gen_status encode_prompt(struct generate_input *input,
                                     const struct options_parsed *parsed, struct gen_error *err) {
    const struct generate_settings *settings = input->settings;
    struct gen_bytes text = {0};
    enum gen_status status = prompt_text_read(&text, settings->prompt, settings->file, parsed, err);
    if (status == GEN_OK) {
        status = generate_input_encode(input, text.data, text.n, err);
    }
    gen_bytes_release(&text);
    return status;
}

enum gen_status generate_input_init(struct generate_input *input,
                                    const struct generate_settings *settings,
                                    const struct options_parsed *parsed,
                                    const struct gen_model *model, struct gen_error *err) {
    *input = (struct generate_input){
        .settings = settings,
        .tokenizer = gen_model_tokenizer(model),
        .most_bytes = SIZE_MAX,
        .own_length = options_given(parsed, &generate_spec, "max-new-tokens"),
        .n_left_out = (uint64_t)settings->first_index,
    };
    if (!settings->options.slide) {
        /* Texts that cannot fit are refused before their ids take ten times their memory. */
        input->most_bytes = prompt_text_most_bytes(model);
    }
    if (generate_is_batch(settings)) {
        return input_open(&input->input, settings->file, err);
    }
    if (settings->prompt_ids != NULL) {
        const char *ids = settings->prompt_ids;
        enum gen_status status = ids_parse(&input->ids, ids, strlen(ids), "--prompt-ids", err);
        return status == GEN_BAD_FILE ? GEN_BAD_ARGUMENT : status;
    }
    return encode_prompt(input, parsed, err);
}

void generate_input_release(struct generate_input *input) {
    gen_ids_release(&input->ids);
    gen_bytes_release(&input->record);
    gen_bytes_release(&input->next_line);
    record_csv_release(&input->csv);
    record_fields_release(&input->fields);
    record_options_release(&input->own);
    record_notes_release(&input->notes);
    record_rests_release(&input->rests);
    input_close(&input->input);
}

bool generate_input_was_empty(const struct generate_input *input, const struct gen_config *config,
                              const int32_t *ids, size_t n) {
    /* Text encodes to the end-of-text token only with --special; ids that were given can hold it.
     */
    bool added = n == 1 && (ids[0] == config->bos_token_id || ids[0] == config->eos_token_id);
    bool may_be_given = input->settings->prompt_ids != NULL ||
                        (input->settings->special && !generate_is_batch(input->settings));
    return n == 0 || (added && (!may_be_given || input->ids.n == 0));
}

/* Name the file for the text of the only prompt. */
static bool name_file(struct generate_input *input) {
    struct record_rest *rest = record_rests_add(&input->rests, input->n_left_out);
    return file_names_make(&rest->name, input->settings, &input->settings->options, &input->fields,
                           rest->index, &input->error) == GEN_OK;
}

bool generate_input_next(void *context, struct gen_prompt *prompt) {
    struct generate_input *input = context;
    *prompt = (struct gen_prompt){0};
    if (signals_caught() != 0) {
        return false;
    }
    if (generate_is_batch(input->settings)) {
        input->ids.n = 0;
        if (!generate_batch_next(input, prompt)) {
            return false;
        }
    } else if (input->given) {
        return false;
    } else {
        prompt->n_left_out = input->n_left_out;
        if (input->settings->output_dir != NULL && !name_file(input)) {
            prompt->error = &input->error;
        }
    }
    input->given = true;
    prompt->ids = input->ids.data;
    prompt->n_ids = input->ids.n;
    return true;
}

bool generate_input_ready(void *context) {
    struct generate_input *input = context;
    return signals_caught() != 0 || !generate_is_batch(input->settings) ||
           generate_batch_ready(input);
}
