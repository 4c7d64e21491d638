/**
 * test_malformed_hf.c - a good Hugging Face directory broken in one place at a time: each must be
 * refused with one fit sentence that names the directory's files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/tokenizer_files.h"
#include "format_fixture.h"

#define CONFIG  "config.json"
#define VOCAB   "vocab.json"
#define MERGES  "merges.txt"
#define WEIGHTS "model.safetensors"
#define INDEX   "model.safetensors.index.json"
/* Only the JSON header of model.safetensors; its length and the data are put around it. */
#define HEADER "header"
/* With this file vocab.json and merges.txt go. */
#define TOKENIZER "tokenizer.json"

/* In the file, the first `old` becomes `now`. Without `old` the file holds `now` only; without
 * `now` either it is removed. */
struct breaking {
    const char *what, *file, *old, *now;
    const char *expected; /* part of the message */
};

static const struct breaking cases[] = {
    /* config.json */
    {"no config", CONFIG, NULL, NULL, "without config.json"},
    {"empty config", CONFIG, NULL, "", "is empty"},
    {"config is an array", CONFIG, NULL, "[]", "an array"},
    {"config is no JSON", CONFIG, NULL, "n_layer = 2", "not valid JSON"},
    {"config cut off", CONFIG, NULL, "{\"n_layer\": 2", "not valid JSON"},
    {"text after config", CONFIG, "258}", "258} {}", "text after"},
    {"member twice", CONFIG, "\"n_inner\"", "\"n_layer\": 3, \"n_inner\"", "\"n_layer\""},
    {"member twice, escaped", CONFIG, "\"n_inner\"", "\"n_l\\u0061yer\": 3, \"n_inner\"", "twice"},
    {"member twice, deep", CONFIG, "{\"a\": 1}", "{\"a\": [{\"b\": 1, \"b\": 2}]}", "\"b\""},
    {"U+0000 in config", CONFIG, "\"gpt2\"", "\"gpt2\\u0000x\"", "u0000"},
    {"surrogate in config", CONFIG, "\"gpt2\"", "\"\\ud800\"", "surrogate"},
    {"bad UTF-8 in config", CONFIG, "\"gpt2\"", "\"\xff\"", "UTF-8"},
    {"control character in config", CONFIG, "\"gpt2\"", "\"gp\x1b[2J\"", "control character"},
    {"control character in a member's name", CONFIG, "n_inner", "n_\\ninner", "control char"},
    {"number 01", CONFIG, ": 2,", ": 01,", "leading zero"},
    {"comment", CONFIG, "\"n_inner\"", "/* */ \"n_inner\"", "must be a string"},
    {"nan", CONFIG, "1e-05", "nan", "unknown word"},
    {"byte order mark", CONFIG, "{\"model", "\xef\xbb\xbf{\"model", "byte order mark"},
    /* safetensors */
    {"no weights", WEIGHTS, NULL, NULL, "neither model.safetensors nor"},
    {"empty weights", WEIGHTS, NULL, "", "is empty"},
    {"7 bytes", WEIGHTS, NULL, "1234567", "ends inside its safetensors header"},
    {"Git LFS pointer", WEIGHTS, NULL, "version https://git-lfs", "git lfs pull"},
    {"header longer than the file", WEIGHTS, NULL, "\x01\x01\x01\x01{}", "ends inside"},
    {"header is no JSON", HEADER, NULL, "hello", "not valid JSON"},
    {"header is empty", HEADER, NULL, "", "not valid JSON"},
    {"header is an array", HEADER, NULL, "[]", "an array"},
    {"header without tensors", HEADER, NULL, "{}", "belong to nothing"},
    {"metadata is a number", HEADER, "{\"format\": \"pt\"}", "1", "__metadata__"},
    {"metadata with a number", HEADER, "\"pt\"", "1", "__metadata__"},
    {"metadata twice", HEADER, "\"a\":", "\"__metadata__\": {}, \"a\":", "twice"},
    {"tensor twice", HEADER, "\"b\":", "\"a\":", "\"a\" is there twice"},
    {"tensor is no object", HEADER, "\"b\":", "\"c\": 1, \"b\":", "\"c\" is not described"},
    {"empty name", HEADER, "\"b\":", "\"\":", "is empty"},
    {"newline in a name", HEADER, "\"b\":", "\"b\\n\":", "control characters"},
    {"escape in a name", HEADER, "\"b\":", "\"b\\u001b\":", "control characters"},
    {"U+0000 in a name", HEADER, "\"b\":", "\"b\\u0000\":", "u0000"},
    {"no dtype", HEADER, "\"dtype\": \"F16\", ", "", "dtype"},
    {"dtype in capitals", HEADER, "\"dtype\": \"F16\"", "\"DTYPE\": \"F16\"", "dtype"},
    {"dtype is a number", HEADER, "\"F16\"", "16", "dtype"},
    {"dtype F8_E4M3", HEADER, "\"F16\"", "\"F8_E4M3\"", "number of bytes"},
    {"dtype I64", HEADER, "\"F16\"", "\"I64\"", "number of bytes"},
    {"dtype f16", HEADER, "\"F16\"", "\"f16\"", "which is not read"},
    {"no shape", HEADER, "\"shape\": [16], ", "", "shape"},
    {"shape is text", HEADER, "[16]", "\"16\"", "shape"},
    {"shape with a point", HEADER, "[16]", "[16.0]", "whole number, 0 or above"},
    {"shape with an exponent", HEADER, "[16]", "[1.6e1]", "whole number, 0 or above"},
    {"dimension 0", HEADER, "[16]", "[16, 0]", "number of bytes"},
    {"dimension -16", HEADER, "[16]", "[-16]", "whole number, 0 or above"},
    {"dimension 16.5", HEADER, "[16]", "[16.5]", "whole number, 0 or above"},
    {"dimension 1e300", HEADER, "[16]", "[1e300]", "whole number, 0 or above"},
    {"dimension 1e999", HEADER, "[16]", "[1e999]", "whole number, 0 or above"},
    {"dimension 2^53 + 1", HEADER, "[16]", "[9007199254740993]", "whole number, 0 or above"},
    {"dimension is text", HEADER, "[16]", "[\"16\"]", "whole number, 0 or above"},
    {"product of 2^100", HEADER, "[16]", "[1125899906842624, 1125899906842624]", "number of bytes"},
    {"product of 2^64", HEADER, "[16]", "[4294967296, 4294967296, 16]", "number of bytes"},
    {"shape too large", HEADER, "[16]", "[17]", "number of bytes"},
    {"shape too small", HEADER, "[16]", "[15]", "number of bytes"},
    {"no offsets", HEADER, ", \"data_offsets\": [128, 160]", "", "data_offsets"},
    {"one offset", HEADER, "[128, 160]", "[128]", "data_offsets"},
    {"three offsets", HEADER, "[128, 160]", "[128, 160, 160]", "data_offsets"},
    {"offsets turned around", HEADER, "[128, 160]", "[160, 128]", "data_offsets"},
    {"offset -1", HEADER, "[128, 160]", "[-1, 31]", "data_offsets"},
    {"offset 128.5", HEADER, "[128, 160]", "[128.5, 160.5]", "data_offsets"},
    {"offset 2^63", HEADER, "[128, 160]", "[128, 9223372036854775808]", "data_offsets"},
    {"offsets after the end", HEADER, "[128, 160]", "[160, 192]", "beyond the end"},
    {"overlap", HEADER, "[128, 160]", "[96, 128]", "overlaps"},
    {"hole", HEADER, "[0, 128]", "[4, 132]", "hole"},
    {"data too long", HEADER,
     ", \"b\": {\"dtype\": \"F16\", \"shape\": [16], \"data_offsets\": "
     "[128, 160]}",
     "", "belong to nothing"},
    {"masked_bias of wrong size", HEADER, "\"b\": {\"dtype\": \"F16\"",
     "\"h.0.attn.bias\": {\"dtype\": \"BOOL\"", "number of bytes"},
    {"buffer of an unknown dtype", HEADER, "\"b\": {\"dtype\": \"F16\"",
     "\"h.0.attn.bias\": {\"dtype\": \"B00L\"", "B00L"},
    /* shards; model.safetensors is moved away to shard-1 */
    {"index is an array", INDEX, NULL, "[]", "an array"},
    {"no weight_map", INDEX, NULL, "{}", "weight_map"},
    {"empty weight_map", INDEX, NULL, "{\"weight_map\": {}}", "weight_map"},
    {"weight_map is an array", INDEX, NULL, "{\"weight_map\": [\"a\"]}", "weight_map"},
    {"shard is a number", INDEX, NULL, "{\"weight_map\": {\"a\": 1}}", "shard of tensor \"a\""},
    {"shard elsewhere", INDEX, NULL, "{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "/etc/passwd"},
    {"shard above", INDEX, NULL, "{\"weight_map\": {\"a\": \"..\"}}", "same directory"},
    {"shard above, below", INDEX, NULL, "{\"weight_map\": {\"a\": \"../x/shard-1\"}}", "same dir"},
    {"shard with backslash", INDEX, NULL, "{\"weight_map\": {\"a\": \"x\\\\y\"}}", "same dir"},
    {"shard with a newline", INDEX, NULL, "{\"weight_map\": {\"a\": \"x\\ny\"}}", "same dir"},
    {"shard without name", INDEX, NULL, "{\"weight_map\": {\"a\": \"\"}}", "same directory"},
    {"shard is the directory", INDEX, NULL, "{\"weight_map\": {\"a\": \".\"}}", "same directory"},
    {"shard is missing", INDEX, NULL, "{\"weight_map\": {\"a\": \"shard-2\"}}", "shard-2"},
    {"shard is no safetensors", INDEX, NULL, "{\"weight_map\": {\"a\": \"vocab.json\"}}",
     "vocab.json"},
    {"tensor not in the shard", INDEX, NULL, "{\"weight_map\": {\"c\": \"shard-1\"}}",
     "\"c\" must be in the shard \"shard-1\""},
    {"tensor in the wrong shard", INDEX, NULL,
     "{\"weight_map\": {\"a\": \"shard-1\", \"c\": \"shard-3\"}}", "\"c\" must be in"},
    /* vocab.json, merges.txt and what goes with them */
    {"vocab without merges", MERGES, NULL, NULL, "merges.txt: is missing"},
    {"merges without vocab", VOCAB, NULL, NULL, "vocab.json: is missing"},
    {"vocab is an array", VOCAB, NULL, "[\"a\"]", "an array"},
    {"vocab is empty", VOCAB, NULL, "{}", "no tokens"},
    {"id is text", VOCAB, "\"hel\": 257", "\"hel\": \"257\"", "id of token \"hel\""},
    {"id -1", VOCAB, "\"hel\": 257", "\"hel\": -1", "id of token \"hel\""},
    {"id 257.5", VOCAB, "\"hel\": 257", "\"hel\": 257.5", "id of token \"hel\""},
    {"id 2^24", VOCAB, "\"hel\": 257", "\"hel\": 16777216", "id of token \"hel\""},
    {"id 2^64", VOCAB, "\"hel\": 257", "\"hel\": 18446744073709551616", "id of token \"hel\""},
    {"id 2^24 - 1", VOCAB, "\"hel\": 257", "\"hel\": 16777215", "16777215"},
    {"id twice", VOCAB, "\"hel\": 257", "\"hel\": 256", "twice"},
    {"token twice", VOCAB, "\"hel\": 257", "\"he\": 257", "twice"},
    {"empty token", VOCAB, "\"hel\": 257", "\"\": 257", "empty"},
    {"token with a space", VOCAB, "\"hel\": 257", "\"h l\": 257", "alphabet"},
    {"token with a control character", VOCAB, "\"hel\": 257", "\"h\\nl\": 257", "alphabet"},
    {"merge of one part", MERGES, "he l", "hel", "line 3"},
    {"merge of three parts", MERGES, "he l", "h e l", "line 3"},
    {"merge with two spaces", MERGES, "he l", "he  l", "line 3"},
    {"merge with an empty part", MERGES, "he l", " hel", "line 3"},
    {"blank line between", MERGES, "h e\n", "h e\n\n", "line 3"},
    {"merge of an unknown token", MERGES, "he l", "he llo", "no token"},
    {"merge to an unknown token", MERGES, "he l", "he h", "no token"},
    {"version line in the middle", MERGES, "he l", "#version: 0.2\nhe l", "no token"},
    {"added token of another id", "added_tokens.json", NULL, "{\"hel\": 300}", "two ids"},
    {"added token with an id in use", "added_tokens.json", NULL, "{\"[PAD]\": 7}", "twice"},
    {"added token without id", "added_tokens.json", NULL, "{\"[PAD]\": null}", "[PAD]"},
    {"added tokens as array", "added_tokens.json", NULL, "[]", "an array"},
    {"add_prefix_space", "tokenizer_config.json", NULL, "{\"add_prefix_space\": true}",
     "add_prefix_space"},
    {"add_bos_token", "tokenizer_config.json", NULL, "{\"add_bos_token\": true}", "add_bos_token"},
    {"added token of id x", "tokenizer_config.json", NULL,
     "{\"added_tokens_decoder\": {\"x\": {\"content\": \"[M]\"}}}", "not valid JSON"},
    {"added token without content", "tokenizer_config.json", NULL,
     "{\"added_tokens_decoder\": {\"259\": 1}}", "content"},
    /* tokenizer.json */
    {"normalizer", TOKENIZER, "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}",
     "normalizer is \"NFC\""},
    {"pre_tokenizer", TOKENIZER, "{\"type\": \"ByteLevel\", \"add", "{\"type\": \"Split\", \"add",
     "pre_tokenizer is \"Split\""},
    {"prefix space", TOKENIZER, "prefix_space\": false", "prefix_space\": true", "prefix_space"},
    {"prefix space not said", TOKENIZER, "\"add_prefix_space\": false, ", "", "prefix_space"},
    {"no regex", TOKENIZER, "\"use_regex\": true", "\"use_regex\": false", "use_regex"},
    {"post_processor", TOKENIZER, "{\"type\": \"ByteLevel\", \"trim_offsets\": false}",
     "{\"type\": \"TemplateProcessing\", \"special_tokens\": {\"<s>\": {}}}",
     "post_processor is \"TemplateProcessing\""},
    {"decoder", TOKENIZER, "{\"type\": \"ByteLevel\"}", "{\"type\": \"Metaspace\"}", "Metaspace"},
    {"no model", TOKENIZER, "\"model\"", "\"Model\"", "model is nothing"},
    {"model type", TOKENIZER, "\"BPE\"", "\"Unigram\"", "model is \"Unigram\""},
    {"dropout", TOKENIZER, "\"dropout\": null", "\"dropout\": 0.1", "dropout"},
    {"ignore_merges", TOKENIZER, "merges\": false", "merges\": true", "ignore_merges"},
    {"subword prefix", TOKENIZER, "prefix\": \"\"", "prefix\": \"##\"", "subword_prefix"},
    {"word suffix", TOKENIZER, "suffix\": \"\"", "suffix\": \"</w>\"", "word_suffix"},
    {"no vocab", TOKENIZER, "\"vocab\"", "\"vocabulary\"", "vocab"},
    {"no merges", TOKENIZER, "\"merges\": [", "\"Merges\": [", "merges"},
    {"merge of one word", TOKENIZER, "\"h e\"", "\"he\"", "merge"},
    {"merge of three tokens", TOKENIZER, "[\"he\", \"l\"]", "[\"h\", \"e\", \"l\"]", "merge 1"},
    {"merge of numbers", TOKENIZER, "[\"he\", \"l\"]", "[1, 2]", "merge 1"},
    {"merge is null", TOKENIZER, "\"h e\"", "null", "merge 0"},
    {"added_tokens is an object", TOKENIZER, "\"added_tokens\": [",
     "\"added_tokens\": {}, \"x\": [", "added_tokens"},
    {"added token's id", TOKENIZER, "\"id\": 258", "\"id\": 300", "two ids"},
    {"no id", TOKENIZER, "\"id\": 258, ", "", "id of token"},
    {"no content", TOKENIZER, "\"content\": ", "\"text\": ", "content"},
    {"empty content", TOKENIZER, "\"<|endoftext|>\", \"single", "\"\", \"single", "is empty"},
};
#define N_CASES (sizeof cases / sizeof *cases)

static void good_text(struct gen_bytes *out, const char *file) {
    if (strcmp(file, HEADER) == 0) {
        fixture_safetensors_header(out);
    } else if (strcmp(file, CONFIG) == 0) {
        fixture_config(out);
    } else if (strcmp(file, VOCAB) == 0) {
        fixture_vocab(out);
    } else if (strcmp(file, MERGES) == 0) {
        fixture_merges(out);
    } else {
        fixture_tokenizer_json(out);
    }
}

/* Files that must go, or move, for the broken one to be looked at. */
static void make_room(const char *directory, const char *file) {
    if (strcmp(file, TOKENIZER) == 0) {
        remove(fixture_path(directory, VOCAB));
        remove(fixture_path(directory, MERGES));
    }
    if (strcmp(file, INDEX) == 0) {
        rename(fixture_path(directory, WEIGHTS), fixture_path(directory, "shard-1"));
        assert_int_equal(symlink("shard-1", fixture_path(directory, "shard-3")), 0);
    }
}

static void break_directory(const char *directory, const struct breaking *breaking) {
    struct gen_bytes text = {0}, weights = {0};
    make_room(directory, breaking->file);
    if (breaking->old != NULL) {
        good_text(&text, breaking->file);
        fixture_replace(&text, breaking->old, breaking->now);
    } else if (breaking->now != NULL) {
        fixture_text(&text, breaking->now);
    } else {
        assert_int_equal(remove(fixture_path(directory, breaking->file)), 0);
        return;
    }
    if (strcmp(breaking->file, HEADER) == 0) {
        fixture_safetensors(&weights, &text, FIXTURE_SAFETENSORS_DATA);
        fixture_write(directory, WEIGHTS, &weights);
    } else {
        fixture_write(directory, breaking->file, &text);
    }
    gen_bytes_release(&text);
    gen_bytes_release(&weights);
}

static void test_table(void **state) {
    (void)state;
    size_t n_bad = 0;
    for (size_t i = 0; i < N_CASES; i++) {
        const char *directory = fixture_directory_new();
        fixture_write_model(directory);
        break_directory(directory, &cases[i]);
        /* The file in the directory is named, not the directory alone. */
        char name[300];
        snprintf(name, sizeof name, "%s/", directory);
        n_bad += !fixture_refused(cases[i].what, directory, name, cases[i].expected);
        fixture_directory_remove(directory);
    }
    print_message("# %zu malformed directories\n", N_CASES);
    assert_int_equal(n_bad, 0);
}

static void test_deep_and_long(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    struct gen_bytes text = {0};
    fixture_text(&text, "{\"a\": ");
    for (int i = 0; i < 100000; i++) {
        fixture_text(&text, "[");
    }
    fixture_write(directory, CONFIG, &text);
    assert_true(fixture_refused("deep", directory, directory, "nested"));
    text.n = 0;
    fixture_text(&text, "{\"a\": [0");
    for (int i = 0; i < 1100000; i++) {
        fixture_text(&text, ",0");
    }
    fixture_text(&text, "]}");
    fixture_write(directory, CONFIG, &text);
    assert_true(fixture_refused("many values", directory, directory, "million values"));
    text.n = 0;
    for (int i = 0; i < (5 << 20); i++) {
        fixture_put(&text, " ", 1);
    }
    fixture_write(directory, CONFIG, &text);
    assert_true(fixture_refused("long", directory, directory, "bytes"));
    text.n = 0;
    fixture_config(&text);
    fixture_write(directory, CONFIG, &text);
    text.n = 0;
    for (int i = 0; i < TOKENIZER_MAX_MERGES + 1; i++) {
        fixture_text(&text, "h e\n");
    }
    fixture_write(directory, MERGES, &text);
    assert_true(fixture_refused("many merges", directory, directory, "more than 1000000 lines"));
    gen_bytes_release(&text);
    fixture_directory_remove(directory);
}

/* Paths that are no regular files; none may be waited for. */
static void test_kinds_of_files(void **state) {
    (void)state;
    static const char *const files[] = {CONFIG, WEIGHTS, VOCAB, MERGES};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *directory = fixture_directory_new();
        fixture_write_model(directory);
        const char *path = fixture_path(directory, files[i]);
        remove(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_true(fixture_refused("FIFO", directory, directory, "not a regular file"));
        assert_true(fixture_refused("FIFO alone", path, directory, "not a regular file"));
        remove(path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_true(fixture_refused("directory", directory, directory, "is a directory"));
        rmdir(path);
        if (geteuid() != 0) {
            fixture_write_text(directory, files[i], "{}");
            assert_int_equal(chmod(path, 0), 0);
            assert_true(fixture_refused("no permission", directory, directory, "ermission"));
        }
        fixture_directory_remove(directory);
    }
    const char *directory = fixture_directory_new();
    const char *loop = fixture_path(directory, "loop");
    assert_int_equal(symlink("loop", loop), 0);
    assert_true(fixture_refused("symlink loop", loop, "loop", "cannot open"));
    assert_true(fixture_refused("missing", fixture_path(directory, "no"), "no", "cannot open"));
    assert_true(fixture_refused("device", "/dev/null", "/dev/null", "not a regular file"));
    assert_true(fixture_refused("empty path", "", "", "cannot open"));
    fixture_write_text(directory, "pytorch_model.bin", "PK\3\4");
    fixture_write_text(directory, CONFIG, "{}");
    assert_true(fixture_refused("PyTorch only", directory, directory, "does not end as a ZIP"));
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_deep_and_long),
        cmocka_unit_test(test_kinds_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
