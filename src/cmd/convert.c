/**
 * convert.c - `gen convert`: its options, checks of the names given, progress and notes. The work
 * is gen_convert() in src/model/convert.c.
 */
#include <string.h>
#include <strings.h>

#include "base/size.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/model_load.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/size_text.h"
#include "cmd/command.h"

struct convert_settings {
    int32_t type; /* index into gen_convert_types, or -1: as the source has it */
    const char *size;
    uint64_t n_bytes; /* what size says; 0: none is given */
    const char *lora;
    struct option_list calibrate;
    int32_t calibrate_tokens;
    bool quiet;
};

#define AT(member) offsetof(struct convert_settings, member)

static const struct option table[] = {
    OPTION_ROW_CHOICE(
        "type", '\0', AT(type), "TYPE", gen_convert_types,
        "type of the weight matrices, from exact to small: f32; f16, bf16; q8_0, "
        "q6_k, q5_k_m, q5_1, q5_0, q4_k_m, q4_1, iq4_nl, q4_0, mixed and named as in "
        "llama.cpp; auto, for each matrix what suits it and the --size; default: as SRC "
        "has them"),
    OPTION_ROW("size", '\0', OPTION_STRING, AT(size), "BYTES",
               "with --type auto: the file takes at most so much, such as 80M or 1.5GB, and is as "
               "good as that allows, best with --calibrate, which takes longer then"),
    OPTION_ROW("lora", '\0', OPTION_STRING, AT(lora), "FILE.gguf",
               "merge a LoRA adapter, as gen finetune --lora-rank writes it, into the weights of "
               "SRC"),
    OPTION_ROW(
        "calibrate", '\0', OPTION_LIST, AT(calibrate), "TEXT",
        "round the weights so that what the model computes from text like this file's, plain "
        "or JSON lines, changes least; with a block format as type; may be given again"),
    OPTION_ROW_RANGE("calibrate-tokens", '\0', OPTION_INT, AT(calibrate_tokens), "N", 1, 1 << 24,
                     "tokens that are read of it, spread over all of it; default: 32768"),
    OPTION_ROW("quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "show no progress bar"),
};

static const struct options_spec spec = {
    .usage = "gen convert [OPTIONS] SRC DST.gguf",
    .intro =
        "Write the model SRC, a Hugging Face directory or a GGUF file (or the name of one, or "
        "of the built-in model), with its tokenizer to the GGUF file DST, which llama.cpp "
        "reads too; a line says so where it would compute something else. What else a GGUF says of "
        "itself (author, licence, chat template, ...) is carried over, tensors that the model "
        "does not need are not. An existing DST is replaced, but only once the new one is "
        "complete. A SRC "
        "that is quantized already "
        "can be quantized again, but convert the original if you have it: errors add up.",
    .table = table,
    .n_table = N_OF(table),
    .habits = habits_convert,
    .examples = "  gen convert ./gpt2 gpt2.gguf\n"
                "  gen convert --type f16 openai-community/gpt2 gpt2-f16.gguf\n"
                "  gen convert --type q8_0 ./gpt2 gpt2-q8_0.gguf\n"
                "  gen convert --type q4_0 --calibrate tales.txt ./gpt2 gpt2-q4_0.gguf\n"
                "  gen convert --type auto --size 90M --calibrate tales.txt ./gpt2 small.gguf\n"
                "  gen convert --lora adapter.gguf ./gpt2 tuned.gguf\n"
                "  gen convert tales-6m tales.gguf\n",
};

static bool show_progress(void *context, uint64_t done, uint64_t total) {
    progress_update(context, done, total);
    return signals_caught() == 0;
}

static void say_note(void *context, const struct gen_note *note) {
    (void)context;
    if (!note->verbose_only) {
        message("%s", note->text);
    }
}

static enum gen_status convert(const struct model_load *src, const char *dst,
                               const struct convert_settings *settings, struct gen_error *err) {
    struct progress progress;
    struct gen_convert_options options = gen_convert_options_default();
    options.type = settings->type >= 0 ? gen_convert_types[settings->type] : NULL;
    options.size = settings->n_bytes;
    options.lora = settings->lora;
    options.calibrate = settings->calibrate.data;
    options.n_calibrate = settings->calibrate.n;
    options.calibrate_tokens = settings->calibrate_tokens;
    options.image = src->image;
    options.image_size = src->image_size;
    options.context = &progress;
    options.progress = show_progress;
    options.note = say_note;
    progress_begin(&progress, "converting", settings->quiet);
    signals_catch();
    enum gen_status status = gen_convert(src->name, dst, &options, err);
    progress_end(&progress);
    return status;
}

/* The ending of a name that says another format than GGUF, or NULL. */
static const char *other_format(const char *name) {
    static const char *const endings[] = {".safetensors", ".bin",  ".pt",   ".pth",     ".ckpt",
                                          ".onnx",        ".h5",   ".npz",  ".msgpack", ".tflite",
                                          ".ot",          ".json", ".ggml", ".zip",     NULL};
    size_t n = strlen(name);
    for (size_t i = 0; endings[i] != NULL; i++) {
        size_t n_ending = strlen(endings[i]);
        if (n > n_ending && strcasecmp(name + n - n_ending, endings[i]) == 0) {
            return endings[i];
        }
    }
    return NULL;
}

/* --size in bytes; false where it is none, or goes without --type auto or the other way round. */
static bool read_size(struct convert_settings *settings) {
    const char *type = settings->type >= 0 ? gen_convert_types[settings->type] : "";
    bool is_auto = strcmp(type, "auto") == 0;
    if (settings->size != NULL && !size_text_parse(&settings->n_bytes, settings->size)) {
        message("--size: \"%.80s\" is not " SIZE_TEXT_FORM, settings->size);
        return false;
    }
    if (is_auto != (settings->size != NULL)) {
        message(is_auto ? "--type auto needs --size, the bytes that the file may take"
                        : "--size goes with --type auto (other types have their own size)");
        return false;
    }
    return true;
}

static int run(void *settings, const struct options_parsed *parsed) {
    if (!read_size(settings)) {
        return EXIT_USAGE;
    }
    if (parsed->n_operands != 2) {
        message("convert takes a source and a target: gen convert SRC DST.gguf");
        return EXIT_USAGE;
    }
    struct gen_error err = {0};
    const char *dst = parsed->operands[1];
    if (strcmp(dst, "-") == 0) {
        message("convert writes a file, which stdout may not be: gen convert SRC DST.gguf");
        return EXIT_USAGE;
    }
    const char *other = other_format(dst);
    if (other != NULL) {
        message("%.200s: convert writes GGUF files, and the name says %s (name it *.gguf)", dst,
                other);
        return EXIT_USAGE;
    }
    struct model_load src;
    enum gen_status status = model_load_find(&src, parsed->operands[0], &err);
    if (status == GEN_OK && src.path != NULL && input_same_file(src.path, dst)) {
        message_set(&err, GEN_IO_ERROR, "%.400s: source and target are one file (give another)",
                    dst);
        status = err.status;
    }
    if (status == GEN_OK) {
        status = convert(&src, dst, settings, &err);
    }
    model_load_close(&src);
    if (signals_caught() != 0) {
        return EXIT_SIGNAL + signals_caught();
    }
    if (status != GEN_OK) {
        message("%s", err.message);
    }
    return status == GEN_OK ? EXIT_DONE : EXIT_FAILED;
}

static void set_defaults(void *settings) {
    *(struct convert_settings *)settings = (struct convert_settings){.type = -1};
}

const struct command convert_command = {
    .name = "convert",
    .summary = "write a model as one GGUF file",
    .spec = &spec,
    .settings_size = sizeof(struct convert_settings),
    .set_defaults = set_defaults,
    .run = run,
};
