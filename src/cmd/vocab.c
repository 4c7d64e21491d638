/**
 * vocab.c - `gen vocab`: learns a vocabulary from texts and writes it into a directory, after
 * checking that nothing there is lost or would hide it. Learning is gen_vocab_learner's work
 * (src/tokenizer), JSON lines are read in data/vocabulary.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cmd/command.h"
#include "gen_train.h"
#include "text/lines.h"

struct vocab_settings {
    struct gen_vocab_options options;
    int32_t min_frequency;
    const char *output, *field;
    bool verbose, quiet;
};

#define AT(member) offsetof(struct vocab_settings, member)

static const struct option table[] = {
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "DIR",
               "write into this directory, which is made if need be"),
    OPTION_ROW_RANGE("size", '\0', OPTION_INT, AT(options.size), "N", 257, GEN_VOCAB_MAX,
                     "tokens in all: <|endoftext|>, the 256 bytes, and merges"),
    OPTION_ROW("field", '\0', OPTION_STRING, AT(field), "NAME",
               "the member of a JSON object that holds the text (default: text)"),
    OPTION_ROW_RANGE("min-frequency", '\0', OPTION_INT, AT(min_frequency), "N", 1, INT32_MAX,
                     "merge only what occurs that often"),
    OPTION_ROW_RANGE("threads", 't', OPTION_INT, AT(options.n_threads), "N", 1, 1024,
                     "threads to use (default: the physical cores this process may use); the "
                     "vocabulary does not depend on it"),
    OPTION_ROW("verbose", 'v', OPTION_FLAG, AT(verbose), NULL,
               "say on stderr what was read and how well the vocabulary covers it"),
    OPTION_ROW("quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "show no progress bar"),
};

static const struct option_conflict conflicts[] = {{"verbose", "quiet"}};

static const struct options_spec spec = {
    .usage = "gen vocab [OPTIONS] -o DIR FILE...",
    .intro =
        "Learn a vocabulary for GPT-2's byte-level BPE from text files (- is stdin), the same "
        "that Hugging Face's ByteLevelBPETokenizer learns, and write it to DIR as vocab.json, "
        "merges.txt and tokenizer_config.json, which gen and AutoTokenizer read; files of "
        "these names are replaced. <|endoftext|> divides documents and is not learned from, nor "
        "is a byte order mark in front of a file. Text that is not UTF-8 is taken byte for "
        "byte. FILE.jsonl, .ndjson and .json are JSON lines, as gen train reads them. "
        "Tokens longer than 8192 bytes are not learned.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .examples = "  gen vocab --size 4096 -o tales tales.txt\n"
                "  zcat books/*.gz | gen vocab --size 16384 --verbose -o books -\n"
                "  gen tokenize -m tales --count tales.txt\n",
};

/* How far reading has come, of all files together. */
struct reading {
    struct progress progress;
    uint64_t done;
    uint64_t total; /* 0: not known, there is a pipe among them */
};

/* Bytes of all files, as far as they are regular files. */
static uint64_t total_size(const char *const *paths, size_t n) {
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        struct stat status;
        int found =
            strcmp(paths[i], "-") == 0 ? fstat(STDIN_FILENO, &status) : stat(paths[i], &status);
        if (found != 0 || !S_ISREG(status.st_mode)) {
            return 0;
        }
        total += (uint64_t)status.st_size;
    }
    return total;
}

/* Of one file of JSON lines. */
static bool show_reading(void *context, uint64_t done, uint64_t total) {
    struct reading *reading = context;
    (void)total;
    progress_update(&reading->progress, reading->done + done, reading->total);
    return signals_caught() == 0;
}

static enum gen_status read_json(struct gen_vocab_learner *learner, const char *path,
                                 const char *field, struct reading *reading,
                                 struct gen_error *err) {
    struct stat status;
    enum gen_status result =
        gen_vocab_learner_add_file(learner, path, field, reading, show_reading, err);
    reading->done += stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    return result;
}

static enum gen_status read_text(struct gen_vocab_learner *learner, const char *path,
                                 struct reading *reading, struct gen_error *err) {
    struct input input;
    enum gen_status status = input_open(&input, path, err);
    for (bool first = true; status == GEN_OK; first = false) {
        const char *bytes;
        size_t n;
        status = input_take(&input, &bytes, &n, err);
        const char *other = status == GEN_OK && first ? text_looks_like(bytes, n) : NULL;
        if (other != NULL) {
            message_set(err, GEN_BAD_FILE, "%.400s: %s", message_name(path), other);
            status = GEN_BAD_FILE;
        }
        if (status != GEN_OK || n == 0) {
            break;
        }
        status = gen_vocab_learner_add(learner, bytes, n, err);
        reading->done += n;
        progress_update(&reading->progress, reading->done, reading->total);
        if (signals_caught() != 0) {
            status = GEN_CANCELED;
        }
    }
    if (status == GEN_OK) {
        status = gen_vocab_learner_end(learner, err);
    }
    input_close(&input);
    return status;
}

static enum gen_status read_files(struct gen_vocab_learner *learner, const char *const *paths,
                                  size_t n, const struct vocab_settings *settings,
                                  struct gen_error *err) {
    struct reading reading = {.total = total_size(paths, n)};
    enum gen_status status = GEN_OK;
    progress_begin(&reading.progress, "reading", settings->quiet);
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        status = text_is_json_lines(paths[i])
                     ? read_json(learner, paths[i], settings->field, &reading, err)
                     : read_text(learner, paths[i], &reading, err);
    }
    progress_end(&reading.progress);
    return status;
}

static bool show_progress(void *context, uint64_t done, uint64_t total) {
    progress_update(context, done, total);
    return signals_caught() == 0;
}

/* What to tell of a vocabulary that was written. */
static void report(const struct vocab_settings *settings, const struct gen_tokenizer *tokenizer,
                   const struct gen_vocab_counts *counts) {
    int32_t n_vocab = gen_tokenizer_n_vocab(tokenizer);
    if (n_vocab < settings->options.size && !settings->quiet) {
        message("the vocabulary has %d tokens, not %d: nothing more to merge occurs %d times",
                n_vocab, settings->options.size, settings->min_frequency);
    }
    if (settings->verbose) {
        message("read %llu bytes, %llu words, %zu of them distinct",
                (unsigned long long)counts->n_bytes, (unsigned long long)counts->n_words,
                counts->n_distinct_words);
        message("learned %d tokens; the text has %llu of them, %.3f bytes per token", n_vocab,
                (unsigned long long)counts->n_tokens,
                (double)counts->n_bytes / (double)counts->n_tokens);
    }
}

static enum gen_status learn(const struct vocab_settings *settings, const char *const *paths,
                             size_t n_paths, struct gen_error *err) {
    struct progress progress;
    struct gen_vocab_learner *learner = NULL;
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_vocab_counts counts = {0};
    struct gen_vocab_options options = settings->options;
    options.min_frequency = (uint64_t)settings->min_frequency;
    options.context = &progress;
    options.progress = show_progress;
    enum gen_status status = gen_vocab_learner_new(&learner, &options, err);
    if (status == GEN_OK) {
        status = read_files(learner, paths, n_paths, settings, err);
    }
    if (status == GEN_OK) {
        progress_begin(&progress, "merging", settings->quiet);
        status = gen_vocab_learner_learn(learner, &tokenizer, &counts, err);
        progress_end(&progress);
    }
    if (status == GEN_OK) {
        status = gen_tokenizer_save(tokenizer, settings->output, err);
    }
    if (status == GEN_OK) {
        report(settings, tokenizer, &counts);
    }
    gen_tokenizer_free(tokenizer);
    gen_vocab_learner_free(learner);
    return status;
}

/* Whether DIR holds a file that goes with another vocabulary, or would hide the new one. */
static bool is_taken(const char *directory) {
    static const char *const names[] = {"config.json", "tokenizer.json", "added_tokens.json"};
    for (size_t i = 0; i < N_OF(names); i++) {
        char *path = alloc_printf("%s/%s", directory, names[i]);
        bool exists = access(path, F_OK) == 0;
        free(path);
        if (exists) {
            message("%.300s: holds %s of another model or tokenizer (give another directory)",
                    directory, names[i]);
            return true;
        }
    }
    return false;
}

/* The files that are written. */
static const char *const file_names[] = {"vocab.json", "merges.txt", "tokenizer_config.json"};
#define N_FILES N_OF(file_names)

/* Whether one of the texts would be replaced by what is learned from it. */
static bool is_read(const char *directory, const char *const *texts, size_t n) {
    bool found = false;
    for (size_t i = 0; i < N_FILES; i++) {
        char *path = alloc_printf("%s/%s", directory, file_names[i]);
        for (size_t text = 0; text < n && !found; text++) {
            if (input_same_file(texts[text], path)) {
                message("%.300s: is read and would be written (give another directory)", path);
                found = true;
            }
        }
        free(path);
    }
    return found;
}

/* Know that the directory can be made and written before hours of learning; nothing is left of it
 *  but what was there. */
static enum gen_status check_output(const char *directory, struct gen_error *err) {
    if (mkdir(directory, 0777) == 0) {
        rmdir(directory);
        return GEN_OK;
    }
    int number = errno;
    if (file_kind_of(directory) != FILE_DIRECTORY) {
        return file_error(err, directory, "make the directory", number);
    }
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_FILES && status == GEN_OK; i++) {
        char *path = alloc_printf("%s/%s", directory, file_names[i]);
        status = file_writer_check(path, err);
        free(path);
    }
    return status;
}

static int run(void *opaque, const struct options_parsed *parsed) {
    const struct vocab_settings *settings = opaque;
    if (parsed->n_operands == 0 || settings->output == NULL) {
        message("vocab takes %s: gen vocab --size 4096 -o DIR FILE...",
                parsed->n_operands == 0 ? "the files to learn from (- is stdin)"
                                        : "a directory to write to");
        return EXIT_USAGE;
    }
    if (strcmp(settings->output, "-") == 0) {
        message("vocab writes several files, which stdout may not be: -o DIR");
        return EXIT_USAGE;
    }
    if (is_taken(settings->output) ||
        is_read(settings->output, parsed->operands, parsed->n_operands)) {
        return EXIT_FAILED;
    }
    struct gen_error err = {0};
    enum gen_status status = check_output(settings->output, &err);
    if (status == GEN_OK) {
        signals_catch();
        status = learn(settings, parsed->operands, parsed->n_operands, &err);
    }
    if (signals_caught() != 0) {
        return EXIT_SIGNAL + signals_caught();
    }
    if (status != GEN_OK) {
        message("%s", err.message);
    }
    return status == GEN_OK ? EXIT_DONE : EXIT_FAILED;
}

static void set_defaults(void *opaque) {
    struct vocab_settings *settings = opaque;
    *settings = (struct vocab_settings){.options = gen_vocab_options_default()};
    settings->min_frequency = (int32_t)settings->options.min_frequency;
}

const struct command vocab_command = {
    .name = "vocab",
    .summary = "learn a vocabulary from text",
    .spec = &spec,
    .settings_size = sizeof(struct vocab_settings),
    .set_defaults = set_defaults,
    .run = run,
};
