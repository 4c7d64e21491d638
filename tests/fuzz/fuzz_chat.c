/**
 * fuzz_chat.c - libFuzzer entry: the first byte chooses what the others are, a file of /load or
 * conversations as JSON lines, which are answered.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cmd/chat/chat_batch.h"
#include "fuzz.h"
#include "text/json.h"

static struct chat_settings settings;
static struct chat chat = {.settings = &settings};

static void prepare(void) {
    struct gen_error err;
    struct gen_engine_options options = gen_engine_options_default();
    options.n_threads = 1;
    options.batch = 3;
    chat_set_defaults(&settings);
    settings.generate.jsonl = settings.generate.json = settings.generate.quiet = true;
    settings.generate.options.max_new_tokens = 2;
    settings.generate.options.batch = 3;
    message_silence(true);
    if (gen_model_open(&chat.load.model, FUZZ_MODEL, NULL, &err) != GEN_OK ||
        gen_chat_template_new(&chat.chat_template, chat.load.model, "plain", &err) != GEN_OK ||
        gen_engine_new(&chat.engine, chat.load.model, &options, &err) != GEN_OK ||
        chat_rules_make(&chat.rules, &settings, chat.load.model, chat.chat_template, chat.engine,
                        &err) != GEN_OK) {
        abort();
    }
}

/* What was understood is written so that it is understood again, and can be read by a model. */
static void load(const char *json, size_t n) {
    struct chat_messages messages = {0}, again = {0};
    struct json_out out = {0};
    struct gen_ids ids = {0};
    struct gen_error err = {0};
    if (chat_messages_parse(&messages, json, n, "f", &err) != GEN_OK) {
        fuzz_check_error(&err);
        if (messages.n != 0) {
            abort();
        }
        return;
    }
    json_out_open(&out, NULL, '{');
    chat_messages_json(&out, &messages);
    json_out_close(&out, '}');
    if (chat_messages_parse(&again, out.text.data, out.text.n, "f", &err) != GEN_OK ||
        again.n != messages.n) {
        abort();
    }
    for (size_t i = 0; i < messages.n; i++) {
        const struct gen_bytes *a = &messages.data[i].content, *b = &again.data[i].content;
        if (messages.data[i].role != again.data[i].role || a->n != b->n ||
            (a->n > 0 && memcmp(a->data, b->data, a->n) != 0)) {
            abort();
        }
    }
    if (chat_talk_encode(chat.load.model, chat.chat_template, &messages, 0, true, &ids, &err) !=
        GEN_OK) {
        fuzz_check_error(&err);
    }
    gen_ids_release(&ids);
    gen_bytes_release(&out.text);
    chat_messages_release(&again);
    chat_messages_release(&messages);
}

/* Each line of the answers must be an object with its place, and an answer or an error. */
static void check_answers(const char *path) {
    char *text = NULL;
    size_t n = 0, index = 0;
    struct gen_error err;
    if (file_read(&text, &n, path, (size_t)1 << 30, &err) != GEN_OK) {
        abort();
    }
    for (const char *line = text, *end; line < text + n; line = end + 1, index++) {
        cJSON *object = NULL;
        end = memchr(line, '\n', (size_t)(text + n - line));
        if (end == NULL || json_parse(&object, line, (size_t)(end - line), "f", &err) != GEN_OK) {
            abort();
        }
        const cJSON *place = json_member(object, "index");
        bool good = json_member(object, "error") != NULL || json_member(object, "messages") != NULL;
        if (!good || !cJSON_IsNumber(place) || place->valuedouble < (double)index ||
            place->valuedouble > (double)index) {
            abort();
        }
        cJSON_Delete(object);
    }
    memory_free(text);
}

static void answer(const char *path) {
    struct input input;
    struct gen_error err;
    bool whole = false;
    settings.generate.output = fuzz_path("answers.jsonl");
    if (input_open(&input, path, &err) != GEN_OK ||
        !chat_screen_open(&chat.screen, &settings.generate)) {
        abort();
    }
    chat_batch_run(&chat, &input, &whole);
    if (!chat_screen_close(&chat.screen, whole)) {
        abort();
    }
    input_close(&input);
    if (whole) {
        check_answers(settings.generate.output);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (chat.engine == NULL) {
        prepare();
    }
    if (size < 2) {
        return 0;
    }
    if (data[0] % 2 == 0) {
        load((const char *)data + 1, size - 1);
    } else {
        answer(fuzz_write("talks.jsonl", data + 1, size - 1));
    }
    return 0;
}
