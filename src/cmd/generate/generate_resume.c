/**
 * generate_resume.c - the records of an earlier run are read once, to find the last prompt that is
 * answered and where its last record ends; what comes after that is cut off. Answers are written in
 * the order of the prompts, so all before that one are there.
 */
#include "cmd/generate/generate_resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cmd/generate/run_name.h"
#include "text/json_line.h"
#include "text/json_member.h"

/* Most bytes of a record: --logprobs 1000 makes long ones. */
#define RECORD_LIMIT ((size_t)1 << 30)

/* Where in the file the reading is. */
struct scan {
    const struct generate_settings *settings;
    const char *run;
    struct generate_resume *resume;
    uint64_t step, first; /* from a prompt's index to the next; the index of this run's first */
    bool begun;           /* there was a record */
    uint64_t index;       /* of the last record */
    uint64_t line_begin;  /* of the record */
    bool complete;        /* all of its prompt is there */
};

/* ---- the members of a record -----------------------------------------------------------------*/

static bool is_looked_at(const struct json_span *name) {
    static const char *const names[] = {"\"index\"", "\"sequence\"", "\"finish_reason\"",
                                        "\"error\"", "\"run\""};
    for (size_t i = 0; i < N_OF(names); i++) {
        if (name->n == strlen(names[i]) && memcmp(name->bytes, names[i], name->n) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a line has bytes that no JSON has: a disk that lost its power may leave zeros. */
static bool has_controls(const char *line, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)line[i] < ' ') {
            return true;
        }
    }
    return false;
}

/*
 * An object of the members that are looked at. The others may hold what no text that is read may
 * have: a NUL that the model wrote, a million numbers of --logprobs, data as deep as can be.
 */
static enum gen_status parse_record(cJSON **object, const char *line, size_t n,
                                    struct gen_error *err) {
    struct gen_bytes few = {0};
    struct json_span name, value;
    size_t at = 0;
    alloc_append(&few, "{", 1);
    while (json_next_member(&name, &value, line, n, &at)) {
        if (is_looked_at(&name)) {
            alloc_append(&few, ",", few.n > 1 ? 1 : 0);
            alloc_append(&few, name.bytes, name.n);
            alloc_append(&few, ":", 1);
            alloc_append(&few, value.bytes, value.n);
        }
    }
    alloc_append(&few, "}", 1);
    enum gen_status status = GEN_BAD_FILE;
    if (at + 1 == n && line[at] == '}' && !has_controls(line, n)) {
        status = json_parse_line(object, few.data, few.n, "a record", err);
    }
    gen_bytes_release(&few);
    return status;
}

/* ---- one record ------------------------------------------------------------------------------*/

static enum gen_status refuse(const struct scan *scan, const char *what, struct gen_error *err) {
    message_set(err, GEN_BAD_ARGUMENT,
                "%.300s: %s (give another --output, or leave --resume out to begin anew)",
                message_name(scan->resume->path), what);
    return GEN_BAD_ARGUMENT;
}

static enum gen_status check_run(const struct scan *scan, const cJSON *object,
                                 struct gen_error *err) {
    const cJSON *run = json_member(object, "run");
    if (!cJSON_IsString(run)) {
        return refuse(scan,
                      "has a record without \"run\", so it was not made by a run of many "
                      "prompts with --json",
                      err);
    }
    const char *part = run_name_difference(run->valuestring, scan->run);
    if (part == NULL) {
        return GEN_OK;
    }
    char what[80];
    snprintf(what, sizeof what,
             strcmp(part, "options") == 0 ? "was made with other %s" : "was made with another %s",
             part);
    return refuse(scan, what, err);
}

static enum gen_status refuse_gap(const struct scan *scan, struct gen_error *err) {
    return refuse(scan,
                  "was made with another --shard or --first-index, or lacks records: some prompts "
                  "of this run would have no answer",
                  err);
}

/* Prompts that this run is to answer are answered one after the other: between those of another
 * shard it would never answer any. */
static enum gen_status check_index(const struct scan *scan, uint64_t index, struct gen_error *err) {
    bool is_new = !scan->begun || index != scan->index;
    if (is_new && (index % scan->step != scan->first % scan->step ||
                   index > (scan->begun ? scan->index + scan->step : scan->first))) {
        return refuse_gap(scan, err);
    }
    return GEN_OK;
}

/* Whether no more sequences of its prompt can come after the record. */
static bool is_last_of_prompt(const struct scan *scan, const cJSON *object) {
    int64_t sequence = 0;
    if (json_member(object, "error") != NULL) {
        return true;
    }
    /* A line of JSON may have said how many there are. */
    return !generate_has_fields(scan->settings) &&
           json_is_integer(json_member(object, "sequence"), &sequence) &&
           sequence + 1 >= scan->settings->options.num_return_sequences;
}

static bool begins(const cJSON *text, const char *with) {
    return cJSON_IsString(text) && strncmp(text->valuestring, with, strlen(with)) == 0;
}

/* Whether it is the run, and not the prompt, that had no better answer. */
static bool is_none(const cJSON *object) {
    return begins(json_member(object, "finish_reason"), "canceled") ||
           begins(json_member(object, "error"), "out of memory");
}

static enum gen_status take(struct scan *scan, const cJSON *object, uint64_t end, bool *stop,
                            struct gen_error *err) {
    struct generate_resume *resume = scan->resume;
    int64_t index = -1;
    enum gen_status status = check_run(scan, object, err);
    if (status != GEN_OK) {
        return status;
    }
    if (!json_is_integer(json_member(object, "index"), &index) || index < 0 ||
        (scan->begun && (uint64_t)index < scan->index)) {
        return refuse(scan, "its records are not in the order of their prompts", err);
    }
    if (check_index(scan, (uint64_t)index, err) != GEN_OK) {
        return err->status;
    }
    bool is_new = !scan->begun || (uint64_t)index != scan->index;
    if (is_new && scan->begun) {
        /* What comes next shows that the prompt before was answered. */
        resume->any = true;
        resume->last_index = scan->index;
        resume->n_whole = scan->line_begin;
    }
    *stop = is_none(object);
    if (*stop) {
        return GEN_OK;
    }
    scan->begun = true;
    scan->index = (uint64_t)index;
    scan->complete = is_last_of_prompt(scan, object);
    if (scan->complete) {
        resume->any = true;
        resume->last_index = scan->index;
        resume->n_whole = end;
    }
    return GEN_OK;
}

/* ---- the file --------------------------------------------------------------------------------*/

/* All whole lines. */
static enum gen_status read_records(struct scan *scan, struct input *input, struct gen_error *err) {
    struct gen_bytes line = {0};
    enum gen_status status = GEN_OK;
    bool stop = false;
    while (status == GEN_OK && !stop) {
        enum input_result result = input_next(input, &line, '\n', RECORD_LIMIT, err);
        uint64_t end = scan->line_begin + line.n + 1;
        if (result == INPUT_END || (result == INPUT_RECORD && end > scan->resume->size)) {
            break;
        }
        if (result != INPUT_RECORD) {
            status = err->status;
            break;
        }
        cJSON *object = NULL;
        status = parse_record(&object, line.data, line.n, err);
        if (status == GEN_OK) {
            status = take(scan, object, end, &stop, err);
        } else if (status != GEN_NO_MEMORY) {
            status = refuse(scan, "has a line that is no record of --json", err);
        }
        cJSON_Delete(object);
        scan->line_begin = end;
    }
    gen_bytes_release(&line);
    return status;
}

/* The index of the first prompt that this run is to answer. */
static uint64_t first_of(const struct generate_settings *settings) {
    uint64_t index = (uint64_t)settings->first_index;
    while (settings->n_shards > 0 &&
           index % (uint64_t)settings->n_shards + 1 != (uint64_t)settings->shard) {
        index++;
    }
    return index;
}

/* What the file `path` of that size has answered; path belongs to *resume from now on. */
static enum gen_status read_file(struct generate_resume *resume, char *path, uint64_t size,
                                 const struct generate_settings *settings, const char *run,
                                 struct gen_error *err) {
    struct scan scan = {.settings = settings,
                        .run = run,
                        .resume = resume,
                        .step = settings->n_shards > 0 ? (uint64_t)settings->n_shards : 1,
                        .first = first_of(settings)};
    struct input input = {0};
    char begin;
    *resume = (struct generate_resume){.path = path, .size = size};
    enum gen_status status = input_open(&input, path, err);
    /* A mark that the reader passes over would be missing in the count of bytes. */
    if (status == GEN_OK && pread(input.fd, &begin, 1, 0) == 1 && begin != '{') {
        status = refuse(&scan, "does not begin with a record of --json", err);
    }
    if (status == GEN_OK) {
        status = read_records(&scan, &input, err);
    }
    if (status == GEN_OK && resume->any && scan.first > resume->last_index + scan.step) {
        status = refuse_gap(&scan, err);
    }
    input_close(&input);
    return status;
}

/* Whether something of that name is there, its size, and whether it is no regular file. */
static bool is_there(const char *path, uint64_t *size, bool *is_other) {
    struct stat found;
    bool there = stat(path, &found) == 0;
    *size = there ? (uint64_t)found.st_size : 0;
    *is_other = there && !S_ISREG(found.st_mode);
    return there;
}

/* Of FILE and the FILE.partial that has been read, the one with more answers: a run may have been
 * ended before it had put what was in the old file into its new one. */
static void take_if_more(struct generate_resume *resume, const char *path,
                         const struct generate_settings *settings, const char *run) {
    struct generate_resume whole = {0};
    struct gen_error ignored; /* it is another run's, as every run may replace it */
    uint64_t size;
    bool is_other; /* then reading says so */
    bool good =
        is_there(path, &size, &is_other) &&
        read_file(&whole, alloc_printf("%s", path), size, settings, run, &ignored) == GEN_OK;
    if (good && whole.any && (!resume->any || whole.last_index > resume->last_index)) {
        generate_resume_release(resume);
        *resume = whole;
    } else {
        generate_resume_release(&whole);
    }
}

enum gen_status generate_resume_find(struct generate_resume *resume,
                                     const struct generate_settings *settings, const char *run,
                                     struct gen_error *err) {
    struct file_target target;
    uint64_t size, n_left;
    bool is_other;
    *resume = (struct generate_resume){0};
    enum gen_status status = file_target_find(&target, settings->output, err);
    if (status != GEN_OK) {
        return status;
    }
    char *partial = alloc_printf("%s.partial", target.path);
    bool has_partial = is_there(partial, &n_left, &is_other);
    if (target.kind == FILE_OTHER || is_other) {
        message_set(err, GEN_BAD_ARGUMENT, "%.300s: --resume needs a regular file",
                    message_name(target.kind == FILE_OTHER ? settings->output : partial));
        status = GEN_BAD_ARGUMENT;
    } else if (has_partial) {
        status = read_file(resume, alloc_printf("%s", partial), n_left, settings, run, err);
        resume->is_partial = true;
        if (status == GEN_OK) {
            take_if_more(resume, target.path, settings, run);
        }
    } else if (is_there(target.path, &size, &is_other)) {
        status = read_file(resume, alloc_printf("%s", target.path), size, settings, run, err);
    }
    resume->n_left = n_left;
    free(partial);
    memory_free(target.path);
    return status;
}

/* The answers that count of a file that came to its end, into the new one. */
static bool copy(const struct generate_resume *resume, struct text_out *out) {
    struct input input;
    struct gen_error err;
    enum gen_status status = input_open(&input, resume->path, &err);
    for (uint64_t left = resume->n_whole; status == GEN_OK && left > 0 && !out->failed;) {
        const char *bytes;
        size_t n;
        status = input_take(&input, &bytes, &n, &err);
        if (status == GEN_OK && n == 0) {
            message_set(&err, GEN_IO_ERROR, "%.300s: has become shorter while it was read",
                        message_name(resume->path));
            status = GEN_IO_ERROR;
        }
        if (status == GEN_OK) {
            n = n < left ? n : (size_t)left;
            text_out_write(out, bytes, n);
            left -= n;
        }
    }
    input_close(&input);
    if (status != GEN_OK) {
        message("%s", err.message);
    }
    return status == GEN_OK && text_out_mark(out);
}

bool generate_resume_open(const struct generate_resume *resume, struct text_out *out,
                          const char *path) {
    if (!text_out_continue_many(out, path)) {
        return false;
    }
    if (text_out_n_left(out) != resume->n_left) {
        message("%.300s: has changed while it was read",
                message_name(resume->path != NULL ? resume->path : path));
        return false;
    }
    if (resume->path == NULL || resume->is_partial) {
        return resume->path == NULL || text_out_cut(out, resume->n_whole);
    }
    return text_out_cut(out, 0) && copy(resume, out);
}

void generate_resume_release(struct generate_resume *resume) {
    free(resume->path);
    *resume = (struct generate_resume){0};
}
