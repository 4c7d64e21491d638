/**
 * test_malformed_nanogpt.c - a good checkpoint of nanoGPT and its meta.pkl broken in one place at a
 * time: each must be refused with one fit sentence. What is wrong with the file itself, or with a
 * pickle, is in test_malformed_torch.c and test_malformed_pickle.c.
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

#include "format_fixture.h"
#include "gen.h"
#include "torch_fixture.h"

#define B(bytes) bytes, sizeof(bytes) - 1

/* A network of 1 layer, 1 head, 2 numbers, 3 tokens, 2 positions, whose numbers are shared. */
static const struct {
    const char *name;
    unsigned rows, columns; /* 0: a vector */
} tensors[] = {
    {"transformer.wte.weight", 3, 2},
    {"transformer.wpe.weight", 2, 2},
    {"transformer.h.0.ln_1.weight", 2, 0},
    {"transformer.h.0.attn.c_attn.weight", 6, 2},
    {"transformer.h.0.attn.c_proj.weight", 2, 2},
    {"transformer.h.0.ln_2.weight", 2, 0},
    {"transformer.h.0.mlp.c_fc.weight", 8, 2},
    {"transformer.h.0.mlp.c_proj.weight", 2, 8},
    {"transformer.ln_f.weight", 2, 0},
};
#define N_TENSORS (sizeof tensors / sizeof *tensors)

static void put_text(struct gen_bytes *out, const char *text) {
    fixture_put(out, "X", 1);
    fixture_u32(out, (uint32_t)strlen(text));
    fixture_text(out, text);
}

static void put_byte(struct gen_bytes *out, unsigned value) {
    unsigned char byte = (unsigned char)value;
    fixture_put(out, &byte, 1);
}

static void put_int(struct gen_bytes *out, unsigned value) {
    fixture_put(out, "K", 1);
    put_byte(out, value);
}

static void put_tensors(struct gen_bytes *out, const char *prefix) {
    for (size_t i = 0; i < N_TENSORS; i++) {
        char name[100];
        snprintf(name, sizeof name, "%s%s", prefix, tensors[i].name);
        put_text(out, name);
        fixture_put(out, B("ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE_N("FloatStorage", "0",
                                                                            "K\40") "K\0"));
        put_int(out, tensors[i].rows);
        if (tensors[i].columns > 0) {
            put_int(out, tensors[i].columns);
        }
        put_byte(out, tensors[i].columns > 0 ? 0x86 : 0x85);
        if (tensors[i].columns > 0) {
            put_int(out, tensors[i].columns);
        }
        put_int(out, 1);
        put_byte(out, tensors[i].columns > 0 ? 0x86 : 0x85);
        fixture_put(out, B("\211}tR"));
    }
}

#define ARGS                                                                                       \
    "X\7\0\0\0n_layerK\1X\6\0\0\0n_headK\1X\6\0\0\0n_embdK\2X\12\0\0\0block_sizeK\2"               \
    "X\12\0\0\0vocab_sizeK\3X\4\0\0\0bias\211X\7\0\0\0dropoutG\0\0\0\0\0\0\0\0"

/* data.pkl: {"model": {...}, "model_args": {...}} */
static void make_pickle(struct gen_bytes *out, const char *prefix) {
    out->n = 0;
    fixture_put(out, B("\200\2}(X\5\0\0\0model}("));
    put_tensors(out, prefix);
    fixture_put(out, B("uX\12\0\0\0model_args}(" ARGS "uX\10\0\0\0iter_numK\7u."));
}

static void write_checkpoint(const char *directory, const struct gen_bytes *pickle) {
    struct torch_zip zip = {.n = 0};
    float numbers[32] = {0};
    torch_zip_add(&zip, "ckpt/data.pkl", pickle->data, pickle->n);
    torch_zip_add(&zip, "ckpt/data/0", numbers, sizeof numbers);
    torch_zip_end(&zip);
    fixture_write(directory, "ckpt.pt", &zip.bytes);
    torch_zip_release(&zip);
}

#define META_OF(itos, stoi, size)                                                                  \
    "\200\4\225\1\0\0\0\0\0\0\0}\224(\214\12vocab_size\224" size "\214\4itos\224}\224(" itos       \
    "u\214\4stoi\224}\224(" stoi "uu."
#define ITOS      "K\0\214\1a\224K\1\214\1b\224K\2\214\2\303\251\224"
#define STOI      "h\4K\0h\5K\1h\6K\2"
#define GOOD_META META_OF(ITOS, STOI, "K\3")

/* gen_model_open(), which binds the tensors too. */
static bool model_refused(const char *what, const char *path, const char *name,
                          const char *expected) {
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    enum gen_status status = gen_model_open(&model, path, NULL, &err);
    const char *problem =
        status == GEN_OK ? "it was accepted" : fixture_message_problem(&err, name);
    if (problem == NULL && strstr(err.message, expected) == NULL) {
        problem = "it does not say so";
    }
    gen_model_free(model);
    if (problem != NULL) {
        print_error("%s: %s: %s (must be: %s)\n", what, problem, err.message, expected);
    }
    return problem == NULL;
}

static void test_good(void **state) {
    (void)state;
    static const char *const prefixes[] = {"", "_orig_mod."};
    for (size_t i = 0; i < 2; i++) {
        struct gen_bytes pickle = {0}, meta = {0};
        struct gen_error err = {0};
        struct gen_model *model = NULL;
        const char *directory = fixture_directory_new();
        make_pickle(&pickle, prefixes[i]);
        write_checkpoint(directory, &pickle);
        fixture_put(&meta, B(GOOD_META));
        fixture_write(directory, "meta.pkl", &meta);
        if (gen_model_open(&model, directory, NULL, &err) != GEN_OK) {
            fail_msg("the good one: %s", err.message);
        }
        assert_int_equal(gen_tokenizer_n_vocab(gen_model_tokenizer(model)), 3);
        assert_int_equal(gen_model_n_notes(model), 0);
        gen_model_free(model);
        /* Without a tokenizer it is said what to do. */
        remove(fixture_path(directory, "meta.pkl"));
        assert_int_equal(gen_model_open(&model, directory, NULL, &err), GEN_OK);
        assert_null(gen_model_tokenizer(model));
        assert_non_null(strstr(gen_model_note(model, 0).text, "data/DATASET/meta.pkl"));
        gen_model_free(model);
        /* A GGUF next to it goes before. */
        fixture_write_text(directory, "made.gguf", "GGUF");
        assert_true(model_refused("GGUF first", directory, "made.gguf", "ends inside"));
        fixture_directory_remove(directory);
        gen_bytes_release(&pickle);
        gen_bytes_release(&meta);
    }
}

/* In data.pkl the first `old` becomes `now`, both with their NULs. */
static const struct {
    const char *what, *old;
    size_t n_old;
    const char *now;
    size_t n_now;
    const char *expected;
} cases[] = {
    {"no model", B("X\5\0\0\0model}"), B("X\5\0\0\0nodel}"), "has no settings of a model"},
    {"no model_args", B("model_args"), B("nodel_args"), "has no settings of a model"},
    {"model is a list", B("model}(X"), B("model](X"), "SETITEMS"},
    {"model is a number", B("X\12\0\0\0model_args}("), B("X\5\0\0\0modelK\1X\12\0\0\0model_args}("),
     "has no settings"},
    {"model_args is a tuple", B("X\12\0\0\0model_args}(" ARGS "u"), B("X\12\0\0\0model_args)"),
     "has no settings"},
    {"no n_layer", B("X\7\0\0\0n_layerK\1"), B(""), "must have n_layer"},
    {"no n_head", B("X\6\0\0\0n_headK\1"), B(""), "must have n_head"},
    {"no n_embd", B("X\6\0\0\0n_embdK\2"), B(""), "must have n_embd"},
    {"no block_size", B("X\12\0\0\0block_sizeK\2"), B(""), "must have block_size"},
    {"no vocab_size", B("X\12\0\0\0vocab_sizeK\3"), B(""), "must have vocab_size"},
    {"n_layer 0", B("n_layerK\1"), B("n_layerK\0"), "from 1 to 10000"},
    {"n_layer -1", B("n_layerK\1"), B("n_layerJ\377\377\377\377"), "from 1 to 10000"},
    {"n_layer 2^31", B("n_layerK\1"), B("n_layerJ\377\377\377\177"), "from 1 to 10000"},
    {"n_layer is a text", B("n_layerK\1"),
     B("n_layerX\1\0\0\0"
       "1"),
     "from 1 to 10000"},
    {"n_layer is 1.0", B("n_layerK\1"), B("n_layerG?\360\0\0\0\0\0\0"), "from 1 to 10000"},
    {"n_layer is true", B("n_layerK\1"), B("n_layer\210"), "from 1 to 10000"},
    {"n_layer 2", B("n_layerK\1"), B("n_layerK\2"), "h.1.ln_1.weight"},
    {"n_layer 10000", B("n_layerK\1"), B("n_layerM\20\47"), "h.1.ln_1.weight"},
    {"n_embd 2^24", B("n_embdK\2"), B("n_embdJ\0\0\0\1"), "n_embd"},
    {"n_embd 4", B("n_embdK\2"), B("n_embdK\4"), "must have [3, 4]"},
    {"n_embd 131072", B("n_embdK\2"), B("n_embdJ\0\0\2\0"), "must have [3, 131072]"},
    {"n_head 3", B("n_headK\1"), B("n_headK\3"), "does not divide"},
    {"n_head 0", B("n_headK\1"), B("n_headK\0"), "n_head"},
    {"block_size 0", B("block_sizeK\2"), B("block_sizeK\0"), "block_size"},
    {"block_size 3", B("block_sizeK\2"), B("block_sizeK\3"), "must have [3, 2]"},
    {"vocab_size 4", B("vocab_sizeK\3"), B("vocab_sizeK\4"), "must have [4, 2]"},
    {"vocab_size 2", B("vocab_sizeK\3"), B("vocab_sizeK\2"), "must have [2, 2]"},
    {"vocab_size 2^40", B("vocab_sizeK\3"), B("vocab_size\212\6\0\0\0\0\0\1"), "vocab_size"},
    {"bias is a number", B("bias\211"), B("biasK\0"), "bias in model_args"},
    {"bias is None", B("bias\211"), B("biasN"), "bias in model_args"},
    {"biases that are not there", B("bias\211"), B("bias\210"), "has no tensor h.0.ln_1.bias"},
    {"another program's setting", B("X\7\0\0\0dropout"), B("X\7\0\0\0n_kv_hd"), "n_kv_hd"},
    {"a setting of no name", B("X\7\0\0\0dropout"), B("K\7"), "model_args has \"\""},
    {"control characters in a setting", B("X\7\0\0\0dropout"), B("X\4\0\0\0\33[2J"), "\\x1b[2J"},
    {"no wte", B("transformer.wte.weight"), B("transformer.xte.weight"), "wte.weight"},
    {"no wpe", B("transformer.wpe.weight"), B("transformer.xpe.weight"), "wpe.weight"},
    {"wte twice", B("transformer.wpe.weight"), B("transformer.wte.weight"), "there twice"},
    {"no c_attn", B("attn.c_attn.weight"), B("attn.x_attn.weight"), "c_attn.weight"},
    {"wte in another shape", B("K\0K\3K\2\206K\2K\1\206"), B("K\0K\2K\3\206K\3K\1\206"),
     "has the shape [2, 3]"},
    {"wte beyond its storage", B("K\0K\3K\2\206"), B("K\40K\3K\2\206"), "beyond the end"},
    {"wte as whole numbers", B("FloatStorage"), B("LongStorage"), "two different things"},
    {"a storage that is not there",
     B("X\1\0\0\0"
       "0X"),
     B("X\1\0\0\0"
       "1X"),
     "data/1"},
    {"a number for wte", B(TENSOR(STORAGE("K\40"), "K\0K\3K\2\206K\2K\1\206")), B("K\7"),
     "is no tensor, but a number"},
    {"a number as a name", B("X\26\0\0\0transformer.wte.weight"), B("K\7"), "name of a tensor"},
    {"code in the optimizer", B("iter_numK\7"), B("iter_numcos\nsystem\nX\2\0\0\0ls\205R"),
     "os.system"},
    {"code in the settings", B("bias\211"), B("biascos\nsystem\n"), "os.system"},
};

static void test_checkpoints(void **state) {
    (void)state;
    struct gen_bytes good = {0}, bad = {0};
    size_t n_bad = 0, n = sizeof cases / sizeof *cases;
    make_pickle(&good, "");
    for (size_t i = 0; i < n; i++) {
        const char *directory = fixture_directory_new();
        size_t at = fixture_find(&good, cases[i].old, cases[i].n_old);
        bad.n = 0;
        fixture_put(&bad, good.data, at);
        fixture_put(&bad, cases[i].now, cases[i].n_now);
        fixture_put(&bad, good.data + at + cases[i].n_old, good.n - at - cases[i].n_old);
        write_checkpoint(directory, &bad);
        n_bad += !model_refused(cases[i].what, directory, "ckpt.pt", cases[i].expected);
        fixture_directory_remove(directory);
    }
    print_message("# %zu malformed checkpoints\n", n);
    gen_bytes_release(&good);
    gen_bytes_release(&bad);
    assert_int_equal(n_bad, 0);
}

static const struct {
    const char *what, *bytes;
    size_t n;
    const char *expected;
} metas[] = {
    {"empty", B(""), "STOP"},
    {"text", B("abc"), "does not begin with the opcode PROTO"},
    {"protocol 9", B("\200\11}."), "protocol 9"},
    {"a list", B("\200\4]."), "has no two dicts"},
    {"no itos", B("\200\4}\214\4stoi}s."), "has no two dicts"},
    {"no stoi", B("\200\4}\214\4itos}s."), "has no two dicts"},
    {"itos is a list", B("\200\4}(\214\4itos]\214\4stoi}u."), "has no two dicts"},
    {"no tokens", B("\200\4}(\214\4itos}\214\4stoi}u."), "no tokens"},
    {"code", B("\200\4cos\nsystem\n."), "GLOBAL"},
    {"code of protocol 4", B("\200\4\214\2os\214\6system\223."), "STACK_GLOBAL"},
    {"even a dict's name", B("\200\4ccollections\nOrderedDict\n."), "GLOBAL"},
    {"BINPERSID", B("\200\4)Q."), "BINPERSID"},
    {"bytes after it", B(GOOD_META "x"), "bytes after its pickle"},
    {"cut off", B("\200\4}("), "STOP"},
    {"a key that is a text",
     B(META_OF("\214\1"
               "0\214\1a",
               "\214\1aK\0", "K\1")),
     "that is no id"},
    {"a key of -1", B(META_OF("J\377\377\377\377\214\1a", "\214\1aK\0", "K\1")), "that is no id"},
    {"a key of 2^40", B(META_OF("\212\6\0\0\0\0\0\1\214\1a", "\214\1aK\0", "K\1")), "too large"},
    {"a key far above", B(META_OF("J\0\0\200\0\214\1a", "\214\1aK\0", "K\1")), "far above"},
    {"an id twice", B(META_OF("K\0\214\1aK\0\214\1b", "\214\1aK\0\214\1bK\0", "K\2")), "twice"},
    {"a character twice", B(META_OF("K\0\214\1aK\1\214\1a", "\214\1aK\0", "K\2")), "twice"},
    {"a token of two", B(META_OF("K\0\214\2ab", "\214\2abK\0", "K\1")), "not one character"},
    {"a token of none", B(META_OF("K\0\214\0", "\214\0K\0", "K\1")), "not one character"},
    {"a token that is no UTF-8", B(META_OF("K\0\214\1\377", "\214\1\377K\0", "K\1")),
     "not one character"},
    {"half a surrogate pair", B(META_OF("K\0\214\3\355\240\200", "\214\3\355\240\200K\0", "K\1")),
     "not one character"},
    {"a token that is a number", B(META_OF("K\0K\1", "\214\1aK\0", "K\1")), "not one character"},
    {"stoi of fewer", B(META_OF(ITOS, "\214\1aK\0", "K\3")), "another number of tokens"},
    {"stoi says otherwise", B(META_OF("K\0\214\1a", "\214\1aK\1", "K\1")), "says in \"stoi\""},
    {"stoi of another character", B(META_OF("K\0\214\1a", "\214\1bK\0", "K\1")),
     "says in \"stoi\""},
    {"stoi with a text for an id", B(META_OF("K\0\214\1a", "\214\1a\214\1a", "K\1")), "says in"},
    {"vocab_size 4", B(META_OF(ITOS, STOI, "K\4")), "another \"vocab_size\""},
    {"vocab_size is a text", B(META_OF(ITOS, STOI, "\214\1a")), "stoi"},
};

static void test_metas(void **state) {
    (void)state;
    struct gen_bytes pickle = {0}, meta = {0};
    size_t n_bad = 0, n = sizeof metas / sizeof *metas;
    make_pickle(&pickle, "");
    const char *directory = fixture_directory_new();
    write_checkpoint(directory, &pickle);
    for (size_t i = 0; i < n; i++) {
        meta.n = 0;
        fixture_put(&meta, metas[i].bytes, metas[i].n);
        fixture_write(directory, "meta.pkl", &meta);
        n_bad += !model_refused(metas[i].what, directory, "meta.pkl", metas[i].expected);
    }
    meta.n = 0;
    fixture_put(&meta, B(GOOD_META));
    for (size_t cut = 0; cut < sizeof GOOD_META - 1; cut++) {
        meta.n = cut;
        fixture_write(directory, "meta.pkl", &meta);
        n_bad += !model_refused("cut off", directory, "meta.pkl", "");
    }
    remove(fixture_path(directory, "meta.pkl"));
    assert_int_equal(mkfifo(fixture_path(directory, "meta.pkl"), 0600), 0);
    n_bad += !model_refused("a FIFO", directory, "meta.pkl", "not a regular file");
    remove(fixture_path(directory, "meta.pkl"));
    assert_int_equal(symlink("meta.pkl", fixture_path(directory, "meta.pkl")), 0);
    n_bad += !model_refused("a link to itself", directory, "meta.pkl", "cannot open");
    fixture_directory_remove(directory);
    print_message("# %zu malformed meta.pkl and %zu cut off\n", n, sizeof GOOD_META - 1);
    gen_bytes_release(&pickle);
    gen_bytes_release(&meta);
    assert_int_equal(n_bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_metas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
