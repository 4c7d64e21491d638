/**
 * chat_talk.c - turns of a conversation on an engine that lives: from messages to the ids that are
 * read, from the ids that were drawn to a message. It knows nothing of terminals.
 */
#include "cmd/chat/chat_talk.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/message.h"

/* ---- what the model reads --------------------------------------------------------------------*/

enum gen_status chat_talk_encode(const struct gen_model *model,
                                 const struct gen_chat_template *chat_template,
                                 const struct chat_messages *messages, size_t n_left_out,
                                 bool goes_on, struct gen_ids *ids, struct gen_error *err) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    struct gen_chat_message *seen = alloc_new(messages->n + 1, sizeof *seen);
    size_t n = 0, first = chat_messages_first(messages);
    for (size_t i = 0; i < messages->n; i++) {
        if (i < first || i >= first + n_left_out) {
            const struct gen_bytes *content = &messages->data[i].content;
            seen[n++] = (struct gen_chat_message){
                .role = chat_role_names[messages->data[i].role],
                .content = content->n > 0 ? content->data : "",
                .n_content = content->n,
            };
        }
    }
    const struct gen_ids *read =
        goes_on && messages->n >= 2 ? &messages->data[messages->n - 2].read : NULL;
    enum gen_status status;
    if (read != NULL && read->n > 0) {
        struct gen_bytes after = {0};
        status = gen_chat_render_after(chat_template, seen, n, n - 2, &after, err);
        if (status == GEN_OK) {
            alloc_append_ids(ids, read->data, read->n);
            status = gen_tokenizer_encode(tokenizer, after.data, after.n, true, ids, err);
        }
        gen_bytes_release(&after);
    } else {
        status = gen_chat_encode(chat_template, tokenizer, seen, n, true, ids, err);
    }
    free(seen);
    return status;
}

/* The ids to be answered, without so many messages after the system's. */
static enum gen_status encode(const struct chat_talk *talk, size_t n_left_out, struct gen_ids *ids,
                              struct gen_error *err) {
    bool goes_on = n_left_out == talk->n_left_out;
    ids->n = 0;
    return chat_talk_encode(talk->model, talk->chat_template, &talk->messages, n_left_out, goes_on,
                            ids, err);
}

/* Leave out turns after those that are, as few as bring the ids down to `most`, or all but the
 * last. The fewer messages the fewer ids; so few are tried, as a file may have many. */
static enum gen_status leave_out(const struct chat_talk *talk, size_t most, size_t *n_left_out,
                                 struct gen_ids *ids, struct gen_error *err) {
    const struct chat_messages *messages = &talk->messages;
    size_t first = chat_messages_first(messages), n = 0;
    size_t *turns = alloc_new(messages->n, sizeof *turns); /* messages before each */
    for (size_t i = first + *n_left_out + 1; i < messages->n; i++) {
        if (messages->data[i].role == CHAT_USER) {
            turns[n++] = i - first;
        }
    }
    enum gen_status status = GEN_OK;
    size_t low = 0, high = n > 0 ? n - 1 : 0;
    while (status == GEN_OK && low < high) {
        size_t middle = low + (high - low) / 2;
        status = encode(talk, turns[middle], ids, err);
        low = ids->n > most ? middle + 1 : low;
        high = ids->n > most ? high : middle;
    }
    if (status == GEN_OK && n > 0) {
        *n_left_out = turns[low];
        status = encode(talk, turns[low], ids, err);
    }
    free(turns);
    return status;
}

/* The ids to be answered, with room for an answer: a quarter of the context, or what is needed. */
static enum gen_status fit(struct chat_talk *talk, struct gen_ids *ids, struct gen_error *err) {
    size_t n_ctx = (size_t)gen_model_config(talk->model)->n_ctx;
    int32_t most = talk->options->max_new_tokens;
    size_t room = most >= 0 ? size_min((size_t)most, n_ctx / 4) : n_ctx / 4;
    size_t n_left_out = talk->n_left_out;
    enum gen_status status = encode(talk, n_left_out, ids, err);
    if (status == GEN_OK && ids->n + room > n_ctx) {
        status = leave_out(talk, n_ctx - room, &n_left_out, ids, err);
    }
    if (status == GEN_OK && ids->n >= n_ctx) {
        message_set(err, GEN_CONTEXT_FULL,
                    "this message, with the system message, has %zu tokens, but the context "
                    "holds %zu with at least one of the answer (shorten it)",
                    ids->n, n_ctx);
        status = GEN_CONTEXT_FULL;
    }
    if (status == GEN_OK && n_left_out != talk->n_left_out) {
        chat_messages_forget(&talk->messages);
        talk->n_left_out = n_left_out;
    }
    return status;
}

/* ---- an answer -------------------------------------------------------------------------------*/

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

const char *chat_talk_trim(const char *text, size_t *n) {
    while (*n > 0 && is_space(text[*n - 1])) {
        --*n;
    }
    while (*n > 0 && is_space(*text)) {
        text++;
        --*n;
    }
    return text;
}

/* An answer that comes. */
struct answer {
    struct chat_talk *talk;
    const struct chat_listener *listener;
    struct gen_ids ids;       /* of the prompt */
    bool given;               /* to the engine */
    bool begun;               /* there was more than white space */
    struct gen_bytes waiting; /* white space that may be the last */
    struct gen_error error;
    enum gen_status status;
};

static bool next_prompt(void *context, struct gen_prompt *prompt) {
    struct answer *answer = context;
    *prompt = (struct gen_prompt){.ids = answer->ids.data, .n_ids = answer->ids.n};
    bool first = !answer->given;
    answer->given = true;
    return first;
}

static bool go_on(void *context) {
    const struct answer *answer = context;
    return answer->listener->go_on == NULL || answer->listener->go_on(answer->listener->context);
}

static bool on_text(void *context, uint64_t index, uint64_t sequence, const char *bytes, size_t n) {
    struct answer *answer = context;
    (void)index;
    (void)sequence;
    while (!answer->begun && n > 0 && is_space(*bytes)) {
        bytes++;
        n--;
    }
    answer->begun = answer->begun || n > 0;
    size_t solid = n;
    while (solid > 0 && is_space(bytes[solid - 1])) {
        solid--;
    }
    if (solid > 0 && answer->listener->text != NULL) {
        alloc_append(&answer->waiting, bytes, solid);
        answer->listener->text(answer->listener->context, answer->waiting.data, answer->waiting.n);
        answer->waiting.n = 0;
    }
    alloc_append(&answer->waiting, bytes + solid, n - solid);
    return go_on(context);
}

/* The ids of the prompt, and of those drawn as many as spell the answer to its end; none where that
 * is within a token. */
static void note_read(struct chat_message *said, const struct answer *answer,
                      const struct gen_result *result, size_t n_text) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(answer->talk->model);
    size_t n_ids = 0, at = 0;
    while (n_ids < result->n_new_ids && at < n_text) {
        size_t n_piece;
        gen_tokenizer_piece(tokenizer, result->new_ids[n_ids++], &n_piece);
        at += n_piece;
    }
    if (at == n_text && n_text > 0) {
        alloc_append_ids(&said->read, answer->ids.data, answer->ids.n);
        alloc_append_ids(&said->read, result->new_ids, n_ids);
    }
}

static void count(struct chat_totals *totals, const struct gen_result *result) {
    totals->answers++;
    totals->read += result->n_prompt_ids - result->n_cached;
    totals->cached += result->n_cached;
    totals->drawn += result->n_new_ids;
    totals->prompt_seconds += result->prompt_seconds;
    totals->decode_seconds += result->decode_seconds;
}

static bool on_end(void *context, const struct gen_result *result) {
    struct answer *answer = context;
    struct chat_talk *talk = answer->talk;
    if (result->finish == GEN_FINISH_ERROR) {
        answer->error = *result->error;
        answer->status = result->error->status;
        return false;
    }
    size_t n = result->n_new_text;
    const char *content = chat_talk_trim(result->new_text, &n);
    if (result->finish == GEN_FINISH_CANCELED && n == 0) {
        answer->status = GEN_CANCELED;
        return false;
    }
    chat_messages_add(&talk->messages, CHAT_ASSISTANT, content, n);
    size_t n_text = n > 0 ? (size_t)(content - result->new_text) + n : 0;
    note_read(&talk->messages.data[talk->messages.n - 1], answer, result, n_text);
    talk->n_context = result->n_prompt_ids + result->n_new_ids;
    count(&talk->totals, result);
    if (answer->listener->end != NULL) {
        answer->listener->end(answer->listener->context, result);
    }
    return true;
}

/* Answer the last message, which is the user's. */
static enum gen_status draw(struct chat_talk *talk, const struct chat_listener *listener,
                            struct gen_error *err) {
    struct answer answer = {.talk = talk, .listener = listener};
    size_t n_left_out = talk->n_left_out, n_messages = talk->messages.n;
    enum gen_status status = fit(talk, &answer.ids, err);
    if (status == GEN_OK && talk->n_left_out > 0 && !talk->said_full) {
        talk->said_full = true;
        if (listener->full != NULL) {
            listener->full(listener->context);
        }
    }
    if (status == GEN_OK) {
        struct gen_generate_options options = *talk->options;
        options.seed += talk->n_retries;
        struct gen_source source = {.context = &answer, .next = next_prompt};
        struct gen_sink sink = {.context = &answer, .text = on_text, .end = on_end, .go_on = go_on};
        status = gen_engine_run(talk->engine, &options, &source, &sink, NULL, err);
        if (answer.status != GEN_OK && answer.status != GEN_CANCELED) {
            status = answer.status;
            *err = answer.error;
        }
    }
    if (talk->messages.n == n_messages) {
        talk->n_left_out = n_left_out;
    }
    gen_ids_release(&answer.ids);
    gen_bytes_release(&answer.waiting);
    return status;
}

/* ---- turns -----------------------------------------------------------------------------------*/

/* The turns that are left out may have room again, as others are gone: let the next answer see. */
static void see_again(struct chat_talk *talk) {
    if (talk->n_left_out > 0) {
        talk->n_left_out = 0;
        chat_messages_forget(&talk->messages);
    }
}

/* Where the user's last message is; the number of messages: there is none. */
static size_t last_of_user(const struct chat_messages *messages) {
    size_t i = messages->n, first = chat_messages_first(messages);
    while (i > first && messages->data[i - 1].role != CHAT_USER) {
        i--;
    }
    return i > first ? i - 1 : messages->n;
}

const struct gen_bytes *chat_talk_last(const struct chat_talk *talk) {
    size_t i = last_of_user(&talk->messages);
    if (talk->refused.n > 0) {
        return &talk->refused;
    }
    return i < talk->messages.n ? &talk->messages.data[i].content : NULL;
}

enum gen_status chat_talk_say(struct chat_talk *talk, const char *message, size_t n,
                              const struct chat_listener *listener, struct gen_error *err) {
    size_t before = talk->messages.n;
    uint64_t n_retries = talk->n_retries;
    talk->n_retries = 0;
    chat_messages_add(&talk->messages, CHAT_USER, message, n);
    talk->refused.n = 0; /* it may be the message, of which there is a copy now */
    enum gen_status status = draw(talk, listener, err);
    if (talk->messages.n == before + 1) {
        const struct gen_bytes *content = &talk->messages.data[before].content;
        alloc_append(&talk->refused, content->data, content->n);
        talk->refused_edit = false;
        chat_messages_cut(&talk->messages, before);
        talk->n_retries = n_retries;
    }
    return status;
}

enum gen_status chat_talk_edit(struct chat_talk *talk, const char *message, size_t n,
                               const struct chat_listener *listener, struct gen_error *err) {
    size_t last = last_of_user(&talk->messages), n_old = talk->messages.n - last;
    size_t n_left_out = talk->n_left_out;
    struct chat_message *old = alloc_new(n_old, sizeof *old);
    memcpy(old, talk->messages.data + last, n_old * sizeof *old);
    talk->messages.n = last;
    see_again(talk);
    enum gen_status status = chat_talk_say(talk, message, n, listener, err);
    if (talk->messages.n == last) {
        /* There is room, as they were there before. */
        memcpy(talk->messages.data + last, old, n_old * sizeof *old);
        talk->messages.n = last + n_old;
        talk->n_left_out = n_left_out;
        talk->refused_edit = true;
    } else {
        chat_messages_release(&(struct chat_messages){.data = old, .n = n_old});
        old = NULL;
    }
    free(old);
    return status;
}

enum gen_status chat_talk_retry(struct chat_talk *talk, const struct chat_listener *listener,
                                struct gen_error *err) {
    struct chat_messages *messages = &talk->messages;
    const struct gen_bytes *refused = &talk->refused;
    if (refused->n > 0) {
        return talk->refused_edit ? chat_talk_edit(talk, refused->data, refused->n, listener, err)
                                  : chat_talk_say(talk, refused->data, refused->n, listener, err);
    }
    if (messages->data[messages->n - 1].role == CHAT_USER) {
        return draw(talk, listener, err); /* of a file */
    }
    struct chat_message old = messages->data[--messages->n];
    size_t before = messages->n;
    talk->n_retries++;
    enum gen_status status = draw(talk, listener, err);
    if (messages->n == before) {
        talk->n_retries--;
        messages->data[messages->n++] = old;
    } else {
        gen_bytes_release(&old.content);
        gen_ids_release(&old.read);
    }
    return status;
}

bool chat_talk_undo(struct chat_talk *talk) {
    size_t last = last_of_user(&talk->messages);
    if (talk->refused.n > 0) {
        talk->refused.n = 0;
        return true;
    }
    if (last == talk->messages.n) {
        return false;
    }
    chat_messages_cut(&talk->messages, last);
    see_again(talk);
    talk->n_retries = 0;
    return true;
}

void chat_talk_set_system(struct chat_talk *talk, const char *text, size_t n) {
    chat_messages_set_system(&talk->messages, text, n);
    talk->n_left_out = 0;
}

void chat_talk_replace(struct chat_talk *talk, struct chat_messages *messages) {
    chat_messages_release(&talk->messages);
    talk->messages = *messages;
    *messages = (struct chat_messages){0};
    talk->n_left_out = 0;
    talk->n_retries = 0;
    talk->refused.n = 0;
}

void chat_talk_release(struct chat_talk *talk) {
    chat_messages_release(&talk->messages);
    gen_bytes_release(&talk->refused);
}
