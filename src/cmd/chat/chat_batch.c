/**
 * chat_batch.c - conversations from lines of JSON as a gen_source, their answers as a gen_sink. A
 * wrong line costs that line: its answer is an error. What members are options, and what comes back
 * in the answer, is as in `gen generate --jsonl`.
 */
#include "cmd/chat/chat_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cmd/generate/record_options.h"
#include "cmd/record/record_rests.h"
#include "text/lines.h"

/* A conversation under way. */
struct open {
    struct chat_messages messages;
    struct record_rest rest;
};

struct batch {
    struct chat *chat;
    struct input *input;
    struct generate_settings run; /* for what a record's options do not say */
    struct gen_bytes record;
    struct record_fields fields;
    struct record_options own;
    const char **stops; /* of the record, and of the template */
    size_t stops_capacity;
    struct gen_ids ids;
    struct gen_error error, said; /* of the last line that was wrong; of the last answer */
    uint64_t n_given;             /* conversations, wrong ones too */
    bool failed;                  /* the input cannot be read to its end */
    /* Conversations under way, by their order: answers come in the same. */
    struct open *open;
    size_t n_open, capacity;
};

/* An answer ends where its template says, also where the record has stops of its own. */
static void add_stops(struct batch *batch) {
    const struct gen_chat_template *chat_template = batch->chat->chat_template;
    struct gen_generate_options *options = &batch->own.options;
    size_t n_own = batch->own.stop.n, n_template = gen_chat_n_stops(chat_template);
    if (options->stop == batch->run.options.stop) {
        return; /* it has none */
    }
    alloc_grow(&batch->stops, &batch->stops_capacity, n_own + n_template, sizeof *batch->stops);
    for (size_t i = 0; i < n_own; i++) {
        batch->stops[i] = batch->own.stop.data[i];
    }
    for (size_t i = 0; i < n_template; i++) {
        batch->stops[n_own + i] = gen_chat_stop(chat_template, i);
    }
    options->stop = batch->stops;
    options->n_stop = n_own + n_template;
}

/* What a text may have, but not an answer. */
static enum gen_status check_own(const struct gen_generate_options *options,
                                 struct gen_error *err) {
    const char *wrong = options->num_return_sequences != 1
                            ? "\"num_return_sequences\": a conversation has one answer"
                        : options->max_new_tokens == 0
                            ? "\"max_new_tokens\": an answer has at least one token"
                            : NULL;
    if (wrong != NULL) {
        message_set(err, GEN_BAD_FILE, "%s", wrong);
    }
    return wrong != NULL ? GEN_BAD_FILE : GEN_OK;
}

/* The options of the record, if it has some. */
static enum gen_status take_options(struct batch *batch, struct gen_prompt *prompt,
                                    const char *where, struct gen_error *err) {
    const struct gen_model *model = batch->chat->load.model;
    struct gen_generate_options *options = &batch->own.options;
    struct gen_error cause;
    uint64_t seed = gen_text_seed(batch->run.options.seed, batch->n_given, 0);
    enum gen_status status =
        record_options_take(&batch->own, &batch->run, batch->chat->settings->own_length,
                            &batch->fields, seed, gen_model_tokenizer(model), &cause);
    if (status == GEN_OK && batch->own.any) {
        int32_t *least = &options->sampling.min_new_tokens;
        status = check_own(options, &cause);
        *least = *least > 1 ? *least : 1;
        prompt->options = options;
        add_stops(batch);
    }
    if (status != GEN_OK) {
        message_set(err, status, "%s: %s", where, cause.message);
    }
    return status;
}

/* Whether a member is dealt with elsewhere. */
static bool is_used(const void *context, const char *name) {
    (void)context;
    return strcmp(name, "messages") == 0 || record_options_is(name);
}

static enum gen_status encode(struct batch *batch, struct open *open, struct gen_prompt *prompt,
                              struct gen_error *err) {
    const struct gen_model *model = batch->chat->load.model;
    struct chat_messages *messages = &open->messages;
    size_t n_ctx = (size_t)gen_model_config(model)->n_ctx;
    char where[340];
    snprintf(where, sizeof where, "%.300s: line %llu", batch->input->name,
             (unsigned long long)batch->input->n_records);
    enum gen_status status =
        record_fields_read_json(&batch->fields, batch->record.data, batch->record.n, where, err);
    if (status == GEN_OK) {
        record_rest_take(&open->rest, &batch->fields, is_used, NULL);
        status = chat_messages_take(messages, batch->fields.object, where, err);
    }
    if (status == GEN_OK) {
        status = take_options(batch, prompt, where, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    if (messages->n == 0 || messages->data[messages->n - 1].role != CHAT_USER) {
        message_set(err, GEN_BAD_FILE, "%s: the last message must be the user's, to be answered",
                    where);
        return GEN_BAD_FILE;
    }
    status =
        chat_talk_encode(model, batch->chat->chat_template, messages, 0, false, &batch->ids, err);
    if (status == GEN_OK && batch->ids.n >= n_ctx) {
        message_set(err, GEN_CONTEXT_FULL,
                    "%s: the conversation has %zu tokens, but the context holds %zu with at least "
                    "one of the answer (leave its oldest turns out)",
                    where, batch->ids.n, n_ctx);
        status = GEN_CONTEXT_FULL;
    }
    return status;
}

static void open_release(struct open *open) {
    chat_messages_release(&open->messages);
    gen_bytes_release(&open->rest.object);
}

static bool next(void *context, struct gen_prompt *prompt) {
    struct batch *batch = context;
    enum input_result result;
    struct open open = {0};
    enum gen_status status = GEN_BAD_FILE;
    *prompt = (struct gen_prompt){0};
    do {
        if (signals_caught() != 0) {
            return false;
        }
        result = input_next(batch->input, &batch->record, '\n', INPUT_PROMPT_LIMIT, &batch->error);
    } while (result == INPUT_RECORD && text_is_blank(batch->record.data, batch->record.n));
    if (result == INPUT_END || result == INPUT_FAILED) {
        if (result == INPUT_FAILED && signals_caught() == 0) {
            batch->failed = true;
            message("%s", batch->error.message);
        }
        return false;
    }
    batch->ids.n = 0;
    if (result == INPUT_RECORD) {
        status = encode(batch, &open, prompt, &batch->error);
    }
    alloc_grow(&batch->open, &batch->capacity, batch->n_open + 1, sizeof *batch->open);
    batch->open[batch->n_open++] = open;
    batch->n_given++;
    prompt->error = status != GEN_OK ? &batch->error : NULL;
    prompt->ids = batch->ids.data;
    prompt->n_ids = batch->ids.n;
    return true;
}

static bool ready(void *context) {
    struct batch *batch = context;
    return signals_caught() != 0 ||
           input_ready(batch->input, &batch->record, '\n', INPUT_PROMPT_LIMIT);
}

static bool go_on(void *context) {
    const struct batch *batch = context;
    return !batch->chat->screen.out.failed && signals_caught() == 0;
}

static bool on_end(void *context, const struct gen_result *result) {
    struct batch *batch = context;
    struct chat_screen *screen = &batch->chat->screen;
    struct open open = batch->open[0];
    struct chat_messages *messages = &open.messages;
    memmove(batch->open, batch->open + 1, --batch->n_open * sizeof *batch->open);
    screen->input = open.rest.object.n > 0 ? &open.rest.object : NULL;
    if (result->finish == GEN_FINISH_ERROR) {
        chat_screen_error(screen, result->error);
        batch->said = *result->error;
        batch->chat->failed = true;
    } else if (result->finish != GEN_FINISH_CANCELED) {
        size_t n = result->n_new_text;
        const char *content = chat_talk_trim(result->new_text, &n);
        chat_messages_add(messages, CHAT_ASSISTANT, content, n);
        chat_screen_text(screen, content, n);
        chat_screen_end(screen, result, messages);
    }
    screen->input = NULL;
    open_release(&open);
    return go_on(batch);
}

int chat_batch_run(struct chat *chat, struct input *input, bool *whole) {
    struct batch batch = {.chat = chat, .input = input, .run = chat->settings->generate};
    batch.run.options = chat->rules.options;
    if (batch.run.options.sampling.min_new_tokens == 1) {
        /* That of every answer; a record's is held against its own. */
        batch.run.options.sampling.min_new_tokens = 0;
    }
    struct gen_source source = {.context = &batch, .next = next, .ready = ready};
    struct gen_sink sink = {.context = &batch, .end = on_end, .go_on = go_on};
    struct gen_error err;
    enum gen_status status =
        gen_engine_run(chat->engine, &chat->rules.options, &source, &sink, NULL, &err);
    int code = chat->failed || batch.failed ? EXIT_FAILED : EXIT_DONE;
    if (status == GEN_CANCELED) {
        code = EXIT_FAILED; /* by a signal or a failed write; both are dealt with by the caller */
    } else if (status != GEN_OK) {
        if (strcmp(err.message, batch.said.message) != 0) {
            message("%s", err.message);
        }
        code = message_exit_code(status);
    }
    *whole = status == GEN_OK && !batch.failed && signals_caught() == 0;
    for (size_t i = 0; i < batch.n_open; i++) {
        open_release(&batch.open[i]);
    }
    free(batch.open);
    free(batch.stops);
    record_options_release(&batch.own);
    record_fields_release(&batch.fields);
    gen_ids_release(&batch.ids);
    gen_bytes_release(&batch.record);
    return code;
}
