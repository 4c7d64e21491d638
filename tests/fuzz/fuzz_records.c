/**
 * fuzz_records.c - libFuzzer entry: the first byte chooses what the others are: JSON lines or CSV
 * with options, the same after a template or a pattern of file names and a NUL, or a file of
 * answers that is resumed. Records read with questions whether there are more give the same
 * prompts.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cmd/generate/file_names.h"
#include "cmd/generate/generate_input.h"
#include "cmd/generate/generate_options.h"
#include "cmd/generate/generate_resume.h"
#include "cmd/generate/record_template.h"
#include "fuzz.h"
#include "text/json_line.h"

enum { PROMPTS_MOST = 200 };

#define RUN_NAME "0123ab-4567cd-89abef"

static struct gen_model *model;

/* What makes a prompt another one. */
struct told {
    uint64_t hash;
    bool failed;
};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    }
    return hash;
}

/* What goes with a prompt: an object of JSON, and a name that stays in its directory. */
static uint64_t check_rest(struct generate_input *input, uint64_t index, bool failed) {
    const struct record_rest *rest = record_rests_of(&input->rests, index);
    struct gen_error err;
    if (rest == NULL) {
        abort();
    }
    if (rest->object.n > 0) {
        cJSON *object = NULL;
        if (json_parse_line(&object, rest->object.data, rest->object.n, "input", &err) != GEN_OK) {
            abort();
        }
        cJSON_Delete(object);
    }
    if (input->settings->output_dir != NULL && !failed) {
        char *path = file_names_path(input->settings, &rest->name, 7);
        if (strncmp(path, "d/", 2) != 0 || path[2] == '.' || path[2] == '\0' ||
            strchr(path + 2, '/') != NULL) {
            abort();
        }
        free(path);
    }
    return hash_bytes(0, rest->object.data, rest->object.n);
}

static size_t read_prompts(struct told told[PROMPTS_MOST], const struct generate_settings *settings,
                           const struct gen_bytes *template, bool asks) {
    bool given[sizeof(int) * 64] = {false};
    struct options_parsed parsed = {.given = given};
    struct generate_input input = {0};
    struct progress progress = {0};
    struct gen_prompt prompt;
    struct gen_error err;
    size_t n = 0;
    if (generate_input_init(&input, settings, &parsed, model, &err) != GEN_OK) {
        abort();
    }
    input.template = template;
    input.progress = &progress;
    uint64_t index = 0;
    while (n < PROMPTS_MOST && (!asks || n == 0 || generate_input_ready(&input)) &&
           generate_input_next(&input, &prompt)) {
        index += prompt.n_left_out;
        told[n].failed = prompt.error != NULL;
        if (prompt.error != NULL) {
            fuzz_check_error(prompt.error);
        }
        told[n].hash = check_rest(&input, index, prompt.error != NULL);
        if (prompt.error == NULL) {
            told[n].hash = hash_bytes(told[n].hash, prompt.ids, prompt.n_ids * sizeof(int32_t));
            const struct gen_generate_options *own = prompt.options;
            if (own != NULL) {
                told[n].hash = hash_bytes(told[n].hash, &own->seed, sizeof own->seed);
                if (generate_options_check(own, &err) != GEN_OK) {
                    abort();
                }
            }
        }
        index++;
        n++;
    }
    generate_input_release(&input);
    return n;
}

static void read_records(const uint8_t *data, size_t size, unsigned chosen) {
    static struct told told[2][PROMPTS_MOST];
    struct generate_settings settings;
    struct gen_bytes template = {0};
    struct gen_error err;
    generate_set_defaults(&settings);
    settings.options.seed = 5;
    settings.json = true;
    settings.jsonl = chosen % 2 == 0;
    settings.csv = !settings.jsonl;
    const uint8_t *records = data;
    if (chosen >= 2) {
        const uint8_t *nul = memchr(data, '\0', size);
        if (nul == NULL) {
            return;
        }
        records = nul + 1;
    }
    if (chosen == 2 || chosen == 3) {
        const char *path = fuzz_write("template", data, (size_t)(records - 1 - data));
        if (record_template_read(&template, path, &err) != GEN_OK) {
            fuzz_check_error(&err);
            gen_bytes_release(&template);
            return;
        }
    } else if (chosen > 3) {
        settings.output_dir = "d";
        settings.name = (const char *)data;
    }
    settings.file = fuzz_write("records", records, size - (size_t)(records - data));
    bool has_template = chosen == 2 || chosen == 3;
    size_t n[2];
    for (int asks = 0; asks < 2; asks++) {
        n[asks] = read_prompts(told[asks], &settings, has_template ? &template : NULL, asks == 1);
    }
    for (size_t i = 0; i < n[0]; i++) {
        if (n[0] != n[1] || told[0][i].hash != told[1][i].hash ||
            told[0][i].failed != told[1][i].failed) {
            abort();
        }
    }
    gen_bytes_release(&template);
}

static void resume(const uint8_t *data, size_t size, unsigned chosen) {
    struct generate_settings settings;
    struct generate_resume resume;
    struct gen_error err;
    generate_set_defaults(&settings);
    settings.json = settings.resume = true;
    settings.lines = chosen > 0;
    settings.jsonl = chosen == 0;
    settings.options.num_return_sequences = chosen == 1 ? 2 : 1;
    if (chosen == 2) {
        settings.shard = 2;
        settings.n_shards = 3;
    }
    settings.output = fuzz_path("answers");
    fuzz_write(chosen == 1 ? "answers.partial" : "answers", data, size);
    if (generate_resume_find(&resume, &settings, RUN_NAME, &err) != GEN_OK) {
        fuzz_check_error(&err);
    } else if (resume.n_whole > size || resume.any != (resume.n_whole > 0) ||
               (resume.any && data[resume.n_whole - 1] != '\n')) {
        abort();
    }
    generate_resume_release(&resume);
    fuzz_write("answers", NULL, 0);
    fuzz_write("answers.partial", NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_error err;
    if (model == NULL && gen_model_open(&model, FUZZ_MODEL, NULL, &err) != GEN_OK) {
        abort();
    }
    message_silence(true); /* notes on names are made, not shown */
    if (size < 2) {
        return 0;
    }
    unsigned chosen = data[0] % 9;
    if (chosen < 6) {
        read_records(data + 1, size - 1, chosen);
    } else {
        resume(data + 1, size - 1, chosen - 6);
    }
    return 0;
}
