/**
 * judge.c - the law of a run in which something failed. Either it is done without, or again, and
 * all is as if nothing had failed; or it ends with exit status 1 and one clear line, no file is
 * left that is not whole, and none is lost that was there before. Where all that was lost is time
 * of the next run (`warns`), the line may come with exit status 0 and all of the text.
 */
#define _GNU_SOURCE /* memmem */
#include "judge.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_LINE 600

/* A line of a text, without its newline. */
struct line {
    const char *text;
    size_t n;
};

/* The line at *at, which moves to the next; false at the end. */
static bool next_line(struct line *line, const char **at, const char *end) {
    if (*at >= end) {
        return false;
    }
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline != NULL ? newline : end;
    *line = (struct line){*at, (size_t)(stop - *at)};
    *at = newline != NULL ? newline + 1 : end;
    return true;
}

/* Whether a line of the text is this one, or begins so. */
static bool has_line(const char *text, size_t n, struct line wanted, bool begins) {
    struct line line;
    for (const char *at = text; next_line(&line, &at, text + n);) {
        if ((begins ? line.n >= wanted.n : line.n == wanted.n) &&
            memcmp(line.text, wanted.text, wanted.n) == 0) {
            return true;
        }
    }
    return false;
}

static bool starts_with(struct line line, const char *begin) {
    return line.n >= strlen(begin) && memcmp(line.text, begin, strlen(begin)) == 0;
}

static bool goes_on(const char *way) {
    return way[strlen(way) - 1] == '+';
}

/* One line says what failed, and one more where the texts are that are whole. Where all calls fail
 * from then on, each thing that then fails has one.
 */
static const char *judge_message(const struct trial *trial) {
    /* Said after what failed. */
    static const char partial[] = ": not written; the texts that are whole are in ";
    const struct outcome *now = trial->now;
    struct line line;
    int n_new = 0;
    for (const char *at = now->err; next_line(&line, &at, now->err + now->n_err);) {
        if (has_line(trial->whole->err, trial->whole->n_err, line, false)) {
            continue;
        }
        if (!starts_with(line, "gen: ") || line.n > LONGEST_LINE) {
            return "a line on stderr that does not begin with \"gen: \", or is long";
        }
        if (memmem(line.text, line.n, ": Success", 9) != NULL) {
            return "the message says: Success";
        }
        n_new++;
    }
    if (n_new == 0) {
        return "exit status 1 without a message";
    }
    if (now->err[now->n_err - 1] != '\n') {
        return "the message has no newline";
    }
    n_new -= memmem(now->err, now->n_err, partial, sizeof partial - 1) != NULL ? 1 : 0;
    return n_new > 1 && !goes_on(trial->way) ? "more than one message" : NULL;
}

/* Every line of stdout is one of the whole run or begins as one, or is the JSON of an error. */
static const char *judge_stdout(const struct trial *trial) {
    const struct outcome *now = trial->now, *whole = trial->whole;
    struct line line;
    for (const char *at = now->out; next_line(&line, &at, now->out + now->n_out);) {
        if (!has_line(whole->out, whole->n_out, line, true) &&
            memmem(line.text, line.n, "\"error\":", 8) == NULL) {
            return "stdout has a line that the whole run has not";
        }
    }
    return NULL;
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), n_end = strlen(end);
    return n >= n_end && strcmp(name + n - n_end, end) == 0;
}

/* Whether a file that training left between two steps is whole as far as can be seen: lines begin
 * as in the whole run, a drawing has its end. Models and states are seen to be so when the run goes
 * on from them. */
static bool whole_of_a_step(const struct tree_file *now, const struct tree_file *whole) {
    static const char svg_end[] = "</svg>\n";
    size_t n = sizeof svg_end - 1;
    if (ends_with(now->name, ".svg")) {
        return now->size >= n && memcmp(now->bytes + now->size - n, svg_end, n) == 0;
    }
    return !ends_with(now->name, ".jsonl") ||
           (now->size <= whole->size && memcmp(whole->bytes, now->bytes, now->size) == 0);
}

/* Whether a file holds whole lines of what it was to become: texts of many prompts. */
static bool whole_lines_of(const struct tree_file *file, const struct tree *whole) {
    static const char partial[] = ".partial";
    char name[256];
    if (!ends_with(file->name, partial) || strlen(file->name) >= sizeof name) {
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file->name) - strlen(partial)), file->name);
    const struct tree_file *made = tree_find(whole, name);
    struct line line;
    bool good = made != NULL && (file->size == 0 || file->bytes[file->size - 1] == '\n');
    for (const char *at = file->bytes; good && next_line(&line, &at, file->bytes + file->size);) {
        good = has_line(made->bytes, made->size, line, false) ||
               memmem(line.text, line.n, "\"error\":\"out of memory", 22) != NULL;
    }
    return good;
}

/* Every file is the old one or the whole new one; none is new to both, none is gone. */
static const char *judge_files(char *text, size_t size, const struct trial *trial) {
    const struct tree *now = &trial->now->files, *whole = &trial->whole->files;
    for (size_t i = 0; i < now->n; i++) {
        const struct tree_file *file = &now->files[i];
        const struct tree_file *old = tree_find(trial->before, file->name);
        const struct tree_file *made = tree_find(whole, file->name);
        if (trial->what->again && whole_lines_of(file, whole)) {
            continue;
        }
        if (old == NULL && made == NULL && trial->kind != FAULT_UNLINK) {
            snprintf(text, size, "%s is left behind", file->name);
            return text;
        }
        if ((old != NULL || made != NULL) && !(old != NULL && tree_file_equal(file, old)) &&
            !(made != NULL && (tree_file_equal(file, made) ||
                               (trial->what->again && whole_of_a_step(file, made))))) {
            snprintf(text, size, "%s is neither old nor whole", file->name);
            return text;
        }
    }
    for (size_t i = 0; i < trial->before->n; i++) {
        const char *name = trial->before->files[i].name;
        if (tree_find(now, name) == NULL && tree_find(whole, name) != NULL) {
            snprintf(text, size, "%s is lost", name);
            return text;
        }
    }
    return NULL;
}

/* What interrupts a call, or does half of it, is no failure. */
static bool must_succeed(const char *way) {
    return strcmp(way, "EINTR") == 0 || strcmp(way, "short") == 0;
}

const char *judge(char *text, size_t size, const struct trial *trial) {
    const struct outcome *now = trial->now, *whole = trial->whole;
    if (now->status > 1) {
        snprintf(text, size, "exit status %d%s", now->status,
                 now->status == 99         ? " (of a sanitizer)"
                 : now->status == 128 + 14 ? " (it hangs)"
                 : now->status == 1 + 1    ? " (wrong usage, which it is not)"
                                           : "");
        return text;
    }
    bool is_whole = now->n_out == whole->n_out && memcmp(now->out, whole->out, now->n_out) == 0;
    bool warned = now->n_err > whole->n_err && !must_succeed(trial->way);
    /* Where memory is short it may do without, and say nothing. */
    if (now->status == 0 && trial->what->warns && is_whole &&
        (warned || trial->kind == FAULT_MEMORY)) {
        const char *wrong = warned ? judge_message(trial) : NULL;
        return wrong != NULL ? wrong : judge_files(text, size, trial);
    }
    if (now->status == 0) {
        return now->n_out != whole->n_out || memcmp(now->out, whole->out, now->n_out) != 0
                   ? "exit status 0, but another stdout"
               : now->n_err != whole->n_err || memcmp(now->err, whole->err, now->n_err) != 0
                   ? "exit status 0, but another stderr"
               : !tree_equal(&now->files, &whole->files) && trial->kind != FAULT_UNLINK
                   ? "exit status 0, but other files"
                   : NULL;
    }
    if (must_succeed(trial->way)) {
        return "exit status 1 for what is no failure";
    }
    const char *wrong = judge_message(trial);
    wrong = wrong != NULL ? wrong : judge_stdout(trial);
    return wrong != NULL ? wrong : judge_files(text, size, trial);
}
