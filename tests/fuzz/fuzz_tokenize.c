/**
 * fuzz_tokenize.c - libFuzzer entry: the first two bytes choose how `gen tokenize` reads the others
 * and what it prints. JSON must be JSON, tokens that are shown must stay in their lines and hold
 * nothing that a terminal obeys, and the number of threads must not matter.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/file.h"
#include "base/printable.h"
#include "cli/message.h"
#include "cmd/tokenize/tokenize_batch.h"
#include "fuzz.h"
#include "text/json.h"

/* Width of the lines of --show. */
#define WIDTH 20

static struct gen_tokenizer *tokenizer;

/* Tokens that take the white space around them, and special ones, are among them. */
static void prepare(void) {
    static const char config[] =
        "{\"added_tokens_decoder\": {"
        "\"511\": {\"content\": \"<|endoftext|>\", \"special\": true},"
        "\"512\": {\"content\": \"<m>\", \"special\": true, \"lstrip\": true},"
        "\"513\": {\"content\": \"<r>\", \"rstrip\": true},"
        "\"514\": {\"content\": \" x\", \"lstrip\": true, \"rstrip\": true},"
        "\"515\": {\"content\": \"king\", \"single_word\": true}}}";
    struct gen_error err;
    message_silence(true);
    fuzz_copy(FUZZ_MODEL, "vocab.json");
    fuzz_copy(FUZZ_MODEL, "merges.txt");
    fuzz_write("tokenizer_config.json", config, strlen(config));
    if (gen_tokenizer_open(&tokenizer, fuzz_directory(), &err) != GEN_OK) {
        abort();
    }
}

static void choose(struct tokenize_settings *settings, unsigned in, unsigned out) {
    settings->lines = in % 4 == 0;
    settings->jsonl = in % 4 == 1;
    settings->null = in % 4 == 2;
    settings->decode = (in & 4) != 0;
    settings->special = !settings->decode && (in & 8) != 0;
    settings->json = out % 4 == 0;
    settings->offsets = settings->json && !settings->decode && (out & 8) != 0;
    settings->show = out % 4 == 1 && !settings->decode;
    settings->count = out % 4 == 2 && !settings->decode;
}

/* Whether a line holds U+0000, which is JSON but for the program's own reader. */
static bool has_nul(const char *line, size_t n) {
    static const char nul[] = "\\u0000";
    for (size_t i = 0; i + sizeof nul - 1 <= n; i++) {
        if (memcmp(line + i, nul, sizeof nul - 1) == 0) {
            return true;
        }
    }
    return false;
}

static void check_json(const char *text, size_t n) {
    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        struct json_counts counts;
        size_t at;
        if (newline == NULL ||
            (!has_nul(text, (size_t)(newline - text)) &&
             json_scan(text, (size_t)(newline - text), false, &counts, &at) != NULL)) {
            abort();
        }
        n -= (size_t)(newline - text) + 1;
        text = newline + 1;
    }
}

static void check_shown(const char *text, size_t n) {
    size_t columns = 0;
    while (n > 0) {
        utf8proc_int32_t c;
        utf8proc_ssize_t length =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &c);
        if (length < 1 || (c != '\n' && !printable_is((uint32_t)c))) {
            abort();
        }
        columns = c == '\n' ? 0 : columns + (size_t)utf8proc_charwidth(c);
        if (columns > WIDTH) {
            abort();
        }
        text += length;
        n -= (size_t)length;
    }
}

/* What a run writes, in a file. */
static struct file_map run(const struct tokenize_form *form, const char *path, const char *name,
                           int n_threads) {
    struct input input;
    struct text_out out;
    struct gen_error err;
    struct file_map map;
    const char *to = fuzz_path(name);
    if (input_open(&input, path, &err) != GEN_OK || !text_out_open(&out, to)) {
        abort();
    }
    tokenize_batch(form, &input, &out, n_threads);
    input_close(&input);
    if (!text_out_close(&out) || file_map_open(&map, to, &err) != GEN_OK) {
        abort();
    }
    return map;
}

/* The same text as one. */
static void run_alone(const struct tokenize_form *form, const uint8_t *data, size_t size) {
    struct tokenize_worker worker = {0};
    struct gen_bytes out = {0};
    struct gen_error err;
    const struct tokenize_record record = {.bytes = (const char *)data, .n = size};
    if (tokenize_record(&out, &worker, form, &record, &err) != GEN_OK) {
        fuzz_check_error(&err);
    } else if (form->settings->json) {
        check_json(out.data, out.n);
    } else if (form->settings->show) {
        check_shown(out.data, out.n);
    }
    gen_bytes_release(&out);
    tokenize_worker_release(&worker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tokenize_settings settings = {0};
    if (tokenizer == NULL) {
        prepare();
    }
    if (size < 2) {
        return 0;
    }
    choose(&settings, data[0], data[1]);
    const struct tokenize_form form = {
        .settings = &settings, .tokenizer = tokenizer, .name = "fuzz", .width = WIDTH};
    if (!tokenize_is_batch(&settings)) {
        run_alone(&form, data + 2, size - 2);
        return 0;
    }
    const char *path = fuzz_write("in", data + 2, size - 2);
    struct file_map map = run(&form, path, "out", 1);
    if (settings.json) {
        check_json((const char *)map.data, map.size);
    } else if (settings.show) {
        check_shown((const char *)map.data, map.size);
    }
    if ((data[1] & 16) != 0) {
        struct file_map other = run(&form, path, "other", 3);
        if (other.size != map.size ||
            (map.size > 0 && memcmp(other.data, map.data, map.size) != 0)) {
            abort();
        }
        file_map_close(&other);
    }
    file_map_close(&map);
    return 0;
}
