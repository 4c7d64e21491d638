/**
 * chat_batch.c - conversations from lines of JSON as a gen_source, their answers as a gen_sink. A
 * wrong line costs that line: its answer is an error.
 */
#include "cmd/chat/chat_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "text/lines.h"

struct batch {
    struct chat *chat;
    struct input *input;
    struct gen_bytes record;
    struct gen_ids ids;
    struct gen_error error;
    bool failed; /* the input cannot be read to its end */
    /* Conversations under way, by their order: answers come in the same. */
    struct chat_messages *open;
    size_t n_open, capacity;
};

static enum gen_status encode(struct batch *batch, struct chat_messages *messages,
                              struct gen_error *err) {
    const struct gen_model *model = batch->chat->load.model;
    size_t n_ctx = (size_t)gen_model_config(model)->n_ctx;
    char where[340];
    snprintf(where, sizeof where, "%.300s: line %llu", batch->input->name,
             (unsigned long long)batch->input->n_records);
    enum gen_status status =
        chat_messages_parse(messages, batch->record.data, batch->record.n, where, err);
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

static bool next(void *context, struct gen_prompt *prompt) {
    struct batch *batch = context;
    enum input_result result;
    struct chat_messages messages = {0};
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
        status = encode(batch, &messages, &batch->error);
    }
    alloc_grow(&batch->open, &batch->capacity, batch->n_open + 1, sizeof *batch->open);
    batch->open[batch->n_open++] = messages;
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
    struct chat_messages messages = batch->open[0];
    memmove(batch->open, batch->open + 1, --batch->n_open * sizeof *batch->open);
    if (result->finish == GEN_FINISH_ERROR) {
        chat_screen_error(screen, result->error);
        batch->chat->failed = true;
    } else if (result->finish != GEN_FINISH_CANCELED) {
        size_t n = result->n_new_text;
        const char *content = chat_talk_trim(result->new_text, &n);
        chat_messages_add(&messages, CHAT_ASSISTANT, content, n);
        chat_screen_text(screen, content, n);
        chat_screen_end(screen, result, &messages, false);
    }
    chat_messages_release(&messages);
    return go_on(batch);
}

int chat_batch_run(struct chat *chat, struct input *input, bool *whole) {
    struct batch batch = {.chat = chat, .input = input};
    struct gen_source source = {.context = &batch, .next = next, .ready = ready};
    struct gen_sink sink = {.context = &batch, .end = on_end, .go_on = go_on};
    struct gen_error err;
    enum gen_status status =
        gen_engine_run(chat->engine, &chat->rules.options, &source, &sink, NULL, &err);
    int code = chat->failed || batch.failed ? EXIT_FAILED : EXIT_DONE;
    if (status == GEN_CANCELED) {
        code = EXIT_FAILED; /* by a signal or a failed write; both are dealt with by the caller */
    } else if (status != GEN_OK) {
        message("%s", err.message);
        code = message_exit_code(status);
    }
    *whole = status == GEN_OK && !batch.failed && signals_caught() == 0;
    for (size_t i = 0; i < batch.n_open; i++) {
        chat_messages_release(&batch.open[i]);
    }
    free(batch.open);
    gen_ids_release(&batch.ids);
    gen_bytes_release(&batch.record);
    return code;
}
