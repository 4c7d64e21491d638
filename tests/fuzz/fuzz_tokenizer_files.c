/**
 * fuzz_tokenizer_files.c - libFuzzer entry: the first byte chooses a file of a tokenizer, the
 * others are what it holds. Text must come back from the ids of every tokenizer that opens and
 * has all bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static const char *const names[] = {"tokenizer.json", "vocab.json", "merges.txt",
                                    "added_tokens.json", "tokenizer_config.json"};
enum { N_NAMES = 5 };

static void check(const struct gen_tokenizer *tokenizer, bool special) {
    static const char text[] = "ab the king\n\xff\xc3\xa9<|endoftext|> don't 123  x <plain>";
    size_t n = sizeof text - 1;
    struct gen_ids ids = {0};
    struct gen_bytes back = {0};
    struct gen_error err;
    /* A vocabulary without all bytes refuses a text that needs them. */
    if (gen_tokenizer_encode(tokenizer, text, n, special, &ids, &err) != GEN_OK) {
        fuzz_check_error(&err);
    } else if (gen_tokenizer_decode(tokenizer, ids.data, ids.n, &back, &err) != GEN_OK ||
               back.n != n || memcmp(back.data, text, n) != 0) {
        abort();
    }
    gen_ids_release(&ids);
    gen_bytes_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_tokenizer *tokenizer;
    struct gen_error err;
    if (size == 0) {
        return 0;
    }
    unsigned chosen = data[0] % N_NAMES;
    for (int i = 0; i < N_NAMES; i++) {
        fuzz_write(names[i], NULL, 0);
    }
    if (chosen > 0) {
        fuzz_copy(FUZZ_MODEL, "vocab.json");
        fuzz_copy(FUZZ_MODEL, "merges.txt");
    }
    fuzz_write(names[chosen], data + 1, size - 1);
    if (gen_tokenizer_open(&tokenizer, fuzz_directory(), &err) != GEN_OK) {
        fuzz_check_error(&err);
        return 0;
    }
    check(tokenizer, false);
    check(tokenizer, true);
    gen_tokenizer_free(tokenizer);
    return 0;
}
