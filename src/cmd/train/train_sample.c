/**
 * train_sample.c - a text by the model as it is in the middle of a run (--sample): made by
 * gen_generate() from a source of one prompt, and printed on lines of its own on stderr. The
 * library says when, through train_report.c.
 */
#include "cmd/train/train_sample.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cli/terminal_text.h"

/* The only prompt, until it is given out. */
struct sample {
    struct gen_ids prompt;
    bool given;
    struct gen_bytes text;
};

static bool next_prompt(void *context, struct gen_prompt *prompt) {
    struct sample *sample = context;
    if (sample->given) {
        return false;
    }
    sample->given = true;
    *prompt = (struct gen_prompt){.ids = sample->prompt.data, .n_ids = sample->prompt.n};
    return true;
}

static bool take_text(void *context, const struct gen_result *result) {
    struct sample *sample = context;
    if (result->error != NULL) {
        message("%s", result->error->message);
    } else if (result->n_new_text > 0) {
        alloc_append(&sample->text, result->new_text, result->n_new_text);
    }
    return true;
}

static bool go_on(void *context) {
    (void)context;
    return signals_caught() == 0;
}

/* The text on lines of its own; control characters could move the cursor. */
static void print(const struct train_settings *settings, uint64_t step,
                  const struct gen_bytes *text) {
    char *head = alloc_printf("---- step %" PRIu64 " ----\n", step);
    struct gen_bytes shown = {0};
    alloc_append(&shown, head, strlen(head));
    free(head);
    terminal_text_append(&shown, settings->sample_prompt, strlen(settings->sample_prompt));
    terminal_text_append(&shown, text->data, text->n);
    alloc_append(&shown, "\n----\n", 6);
    message_raw(shown.data, shown.n);
    gen_bytes_release(&shown);
}

void train_sample_show(const struct train_settings *settings, uint64_t step,
                       const struct gen_model *model) {
    struct sample sample = {0};
    struct gen_error err = {0};
    struct gen_generate_options options = gen_generate_options_default();
    options.max_new_tokens = settings->sample_tokens;
    options.seed = settings->options.seed;
    options.slide = true;
    options.n_threads = settings->options.n_threads;
    options.kernels = settings->options.kernels;
    struct gen_source source = {.context = &sample, .next = next_prompt};
    struct gen_sink sink = {.context = &sample, .end = take_text, .go_on = go_on};
    enum gen_status status = gen_tokenizer_encode(
        gen_model_tokenizer(model), settings->sample_prompt, strlen(settings->sample_prompt),
        settings->options.special, &sample.prompt, &err);
    if (status == GEN_OK) {
        status = gen_generate(model, &options, &source, &sink, NULL, &err);
    }
    if (status == GEN_OK) {
        print(settings, step, &sample.text);
    } else if (status != GEN_CANCELED) {
        message("%s", err.message);
    }
    gen_ids_release(&sample.prompt);
    gen_bytes_release(&sample.text);
}
