/**
 * test_gpt_neo.c - GPT-Neo's files: the kinds of layers in all the ways that config.json can say
 * them, what of them is refused and in which words, matrices that lie in three tensors, and keys of
 * a GGUF. That what is computed is right, test_golden_models.c and test_train_pass.c see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "format_fixture.h"
#include "gen.h"
#include "tokenizer_files.h"

/* 3 layers, the last two local, a window of 6. */
#define MODEL "tests/golden/models/neo-mixed"

static struct gen_bytes read_file(const char *path) {
    struct gen_bytes image = {0};
    size_t n;
    char *text = tokenizer_files_read(path, &n);
    fixture_put(&image, text, n);
    free(text);
    return image;
}

/* ---- config.json -----------------------------------------------------------------------------*/

/* The model with a member of config.json replaced by this JSON text, or removed (NULL). */
static void write_model(const char *directory, const char *key, const char *json) {
    struct gen_bytes image = read_file(MODEL "/config.json");
    cJSON *config = cJSON_ParseWithLength(image.data, image.n);
    assert_non_null(config);
    cJSON_DeleteItemFromObjectCaseSensitive(config, key);
    if (json != NULL) {
        cJSON_AddItemToObject(config, key, cJSON_Parse(json));
    }
    char *text = cJSON_PrintUnformatted(config);
    fixture_write_text(directory, "config.json", text);
    cJSON_free(text);
    cJSON_Delete(config);
    gen_bytes_release(&image);
    image = read_file(MODEL "/model.safetensors");
    fixture_write(directory, "model.safetensors", &image);
    gen_bytes_release(&image);
}

/* Opening must fail with one line that names the file and has these words. */
static void must_refuse(const char *path, const char *file, const char *words) {
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    assert_int_not_equal(gen_model_open(&model, path, NULL, &err), GEN_OK);
    assert_null(fixture_message_problem(&err, file));
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" has not \"%s\"", err.message, words);
    }
}

static const struct {
    const char *key, *json, *words;
} refused[] = {
    {"attention_types", NULL, "attention_types is for more layers than the 3 of the model"},
    {"attention_types", "7", "attention_types is no list"},
    {"attention_types", "\"global\"", "attention_types is no list"},
    {"attention_types", "{}", "attention_types is no list"},
    {"attention_types", "[]", "attention_types is for 0 layers, but must be for 3"},
    {"attention_types", "[[[\"global\"], 2]]",
     "attention_types is for 2 layers, but must be for 3"},
    {"attention_types", "[[[\"global\"], 4]]", "for more layers than the 3"},
    {"attention_types", "[[[], 9007199254740991], [[\"local\"], 9007199254740991]]",
     "for more layers than the 3"},
    {"attention_types", "[[[], 9007199254740991]]", "is for 0 layers, but must be for 3"},
    {"attention_types", "[[[\"global\", \"locale\"], 3]]",
     "attention_types has \"locale\" for layer 1, but must have \"global\" or \"local\""},
    {"attention_types", "[[[null], 3]]", "has \"null\" for layer 0"},
    {"attention_types", "[[[[\"local\"]], 3]]", "has \"an array\" for layer 0"},
    {"attention_types", "[\"global\", \"local\"]", "has an item that is text, but must have pairs"},
    {"attention_types", "[[\"global\", 3]]", "has an item that is no such pair"},
    {"attention_types", "[[[\"global\"]]]", "no such pair"},
    {"attention_types", "[[]]", "no such pair"},
    {"attention_types", "[[[\"global\"], -3]]", "no such pair"},
    {"attention_types", "[[[\"global\"], 1.5]]", "no such pair"},
    {"attention_types", "[[[\"global\"], \"3\"]]", "no such pair"},
    {"attention_types", "[[[\"global\"], 3, 4]]", "no such pair"},
    {"attention_layers", "null", "attention_layers is no list"},
    {"attention_layers", "[\"global\", \"local\"]", "attention_layers is for 2 layers"},
    {"attention_layers", "[[\"global\"], \"local\", \"local\"]", "has \"an array\" for layer 0"},
    {"window_size", "0", "window_size is 0, but must be a whole number from 1 to 16777216"},
    {"window_size", "-1", "window_size is -1"},
    {"window_size", "16777217", "window_size is 16777217"},
    {"window_size", "null", "window_size"},
    {"window_size", "\"6\"", "window_size"},
    {"window_size", "6.5", "window_size"},
    {"num_heads", "4", "n_head 4 does not divide n_embd 15"},
    {"num_heads", "0", "num_heads"},
    {"num_attention_heads", "5", "num_heads is 3 but num_attention_heads is 5"},
    {"num_layers", "2", "for more layers than the 2"},
    {"num_layers", "4", "is for 3 layers, but must be for 4"},
    {"activation_function", "\"tanh\"", "activation_function"},
    {"quantization_config", "{\"bits\": 4}", "quantization_config"},
};

static void odd_configurations_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *directory = fixture_directory_new();
        write_model(directory, refused[i].key, refused[i].json);
        must_refuse(directory, "config.json", refused[i].words);
        fixture_directory_remove(directory);
    }
}

/* A layer that is local where no bit is left to say so, in config.json and in a GGUF. */
static void distant_layers_must_be_global(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    write_model(directory, "num_layers", "70");
    struct gen_bytes config = read_file(fixture_path(directory, "config.json"));
    fixture_put(&config, "", 1);
    fixture_replace(&config, "[[[\"global\",\"local\"],1],[[\"local\"],1]]",
                    "[[[\"global\"],64],[[\"local\"],6]]        ");
    fixture_write_text(directory, "config.json", config.data);
    must_refuse(directory, "config.json",
                "has \"local\" for layer 64, but from layer 64 on all must be \"global\"");
    gen_bytes_release(&config);
    fixture_directory_remove(directory);
}

static const struct {
    const char *key, *json;
    int32_t window;
    uint64_t local_layers;
} taken[] = {
    {"x", NULL, 6, 6},
    {"attention_types",
     "[[[], 5], [[\"local\"], 0], [[\"local\", \"global\"], 1], [[\"local\"], 1]]", 6, 5},
    {"attention_types", "[[[\"global\"], 3.0]]", 6, 0},
    /* As in transformers it goes before attention_types. */
    {"attention_layers", "[\"local\", \"local\", \"global\"]", 6, 3},
    {"window_size", NULL, 256, 6},
    {"window_size", "1", 1, 6},
    {"window_size", "16777216", 16777216, 6},
    {"num_heads", "15", 6, 6},
    {"intermediate_size", "60", 6, 6},
    {"num_hidden_layers", "3", 6, 6},
    {"attention_dropout", "\"x\"", 6, 6},
};

static void kinds_are_read_and_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        const char *directory = fixture_directory_new();
        struct gen_error err = {0};
        struct gen_model *model = NULL;
        write_model(directory, taken[i].key, taken[i].json);
        for (int gguf = 0; gguf < 2; gguf++) {
            const char *path = gguf ? fixture_path(directory, "m.gguf") : directory;
            if (gguf && gen_convert(directory, path, NULL, &err) != GEN_OK) {
                fail_msg("%s", err.message);
            }
            if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
                fail_msg("%s", err.message);
            }
            const struct gen_config *config = gen_model_config(model);
            assert_string_equal(config->arch, "gpt_neo");
            assert_false(config->scale_attn_weights);
            assert_int_equal(config->window, taken[i].window);
            assert_int_equal(config->local_layers, taken[i].local_layers);
            assert_int_equal(config->n_inner, 60);
            gen_model_free(model);
        }
        fixture_directory_remove(directory);
    }
}

/* ---- three tensors, one matrix ---------------------------------------------------------------*/

/* Where the header of model.safetensors ends. */
static size_t data_at(const struct gen_bytes *image) {
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) {
        n |= (uint64_t)(unsigned char)image->data[i] << (8 * i);
    }
    return 8 + (size_t)n;
}

/* Put `now` in the place of the first `old` after the name, in the header, which may become longer.
 */
static void change_header(struct gen_bytes *image, const char *name, const char *old,
                          const char *now) {
    size_t at = fixture_find(image, name, strlen(name));
    char *found = strstr(image->data + at, old);
    assert_non_null(found);
    size_t offset = (size_t)(found - image->data), length = data_at(image) - 8;
    struct gen_bytes changed = {0};
    length = length + strlen(now) - strlen(old);
    fixture_u64(&changed, length);
    fixture_put(&changed, image->data + 8, offset - 8);
    fixture_text(&changed, now);
    fixture_put(&changed, found + strlen(old), image->n - offset - strlen(old));
    gen_bytes_release(image);
    *image = changed;
}

#define K_PROJ "transformer.h.1.attn.attention.k_proj.weight"

static void must_refuse_image(const char *from, const struct gen_bytes *image, const char *words) {
    char path[256];
    const char *directory = fixture_directory_new();
    snprintf(path, sizeof path, "%s/config.json", from);
    struct gen_bytes config = read_file(path);
    fixture_write(directory, "config.json", &config);
    fixture_write(directory, "model.safetensors", image);
    must_refuse(directory, "model.safetensors", words);
    gen_bytes_release(&config);
    fixture_directory_remove(directory);
}

static void parts_must_fit(void **state) {
    (void)state;
    static const struct {
        const char *from, *old, *now, *words;
    } cases[] = {
        {MODEL, "k_proj", "k_pro1", "has no tensor h.1.attn.attention.k_proj.weight"},
        {MODEL, "[15,15]", "[225,1]",
         K_PROJ " has the shape [225, 1], but must have [15, 15] by the configuration"},
        {MODEL, "[15,15]", "[225]", K_PROJ " has the shape [225], but must have [15, 15]"},
        {"tests/golden/models/neo-words", "\"F16\"", "\"BF16\"",
         K_PROJ
         " is of type BF16, but must be F16 as transformer.h.1.attn.attention.q_proj.weight"},
        {MODEL, "\"F32\"", "\"I32\"", K_PROJ " has dtype \"I32\", which is not read"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/model.safetensors", cases[i].from);
        struct gen_bytes image = read_file(path);
        change_header(&image, K_PROJ, cases[i].old, cases[i].now);
        must_refuse_image(cases[i].from, &image, cases[i].words);
        gen_bytes_release(&image);
    }
}

/* The tensor that the number is in is named, and the number's place in it. */
static void numbers_must_be_finite(void **state) {
    (void)state;
    struct gen_bytes image = read_file(MODEL "/model.safetensors");
    size_t at = fixture_find(&image, K_PROJ, strlen(K_PROJ));
    const char *offsets = strstr(image.data + at, "\"data_offsets\":[");
    assert_non_null(offsets);
    size_t begin = data_at(&image) + strtoul(offsets + strlen("\"data_offsets\":["), NULL, 10);
    static const unsigned char nan[] = {0, 0, 0xc0, 0x7f};
    memcpy(image.data + begin + 37 * 4, nan, sizeof nan);
    must_refuse_image(MODEL, &image, K_PROJ " has a number that is not finite at index 37");
    gen_bytes_release(&image);
}

/* ---- GGUF ------------------------------------------------------------------------------------*/

#define WINDOW  "gpt_neo.attention.sliding_window"
#define PATTERN "gpt_neo.attention.sliding_window_pattern"

/* What follows the key's name: type and value. */
static unsigned char *value_of(const struct gen_bytes *image, const char *key) {
    struct gen_bytes string = {0};
    fixture_string(&string, key);
    size_t at = fixture_find(image, string.data, string.n);
    at += string.n;
    gen_bytes_release(&string);
    return (unsigned char *)image->data + at;
}

static void keys_of_a_gguf_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *key;
        size_t at; /* from the key's name on */
        unsigned char byte;
        const char *words;
    } cases[] = {
        {WINDOW, 4, 0, WINDOW " is 0, but must be a whole number from 1 to 16777216"},
        {WINDOW, 7, 0x80, WINDOW " is "},
        {WINDOW, 0, 6, WINDOW}, /* a float */
        {PATTERN, 4, 0, PATTERN " must be an array of bools, one for each of the 3 layers"},
        {"gpt_neo.block_count", 4, 2, PATTERN " must be an array of bools, one for each of the 2"},
        {"general.architecture", 12, 'x', "only gpt2 and gpt_neo models can be run"},
        {"gpt_neo.attention.head_count", 4, 4, "n_head 4 does not divide n_embd 15"},
    };
    const char *directory = fixture_directory_new();
    struct gen_error err;
    assert_int_equal(gen_convert(MODEL, fixture_path(directory, "m.gguf"), NULL, &err), GEN_OK);
    struct gen_bytes image = read_file(fixture_path(directory, "m.gguf"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char *byte = value_of(&image, cases[i].key) + cases[i].at;
        unsigned char before = *byte;
        *byte = cases[i].byte;
        fixture_write(directory, "bad.gguf", &image);
        must_refuse(fixture_path(directory, "bad.gguf"), "bad.gguf", cases[i].words);
        *byte = before;
    }
    static const char *const needed[] = {WINDOW, PATTERN};
    for (size_t i = 0; i < 2; i++) {
        unsigned char *byte = value_of(&image, needed[i]) - 1;
        char words[120];
        snprintf(words, sizeof words, "has no key %s, which every gpt_neo model needs", needed[i]);
        *byte ^= 1;
        fixture_write(directory, "bad.gguf", &image);
        must_refuse(fixture_path(directory, "bad.gguf"), "bad.gguf", words);
        *byte ^= 1;
    }
    gen_bytes_release(&image);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_configurations_are_refused),
        cmocka_unit_test(distant_layers_must_be_global),
        cmocka_unit_test(kinds_are_read_and_kept),
        cmocka_unit_test(parts_must_fit),
        cmocka_unit_test(numbers_must_be_finite),
        cmocka_unit_test(keys_of_a_gguf_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
