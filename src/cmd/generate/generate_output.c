/**
 * generate_output.c - the texts of `gen generate` as a gen_sink: plain, as JSON or as ids, with
 * colors on a terminal, logits to a file, and the speed with --verbose. Buffers and files are
 * text_out.c's.
 */
#include "cmd/generate/generate_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/alloc.h"
#include "cli/ids.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cli/terminal_text.h"
#include "cmd/generate/file_names.h"
#include "cmd/generate/generate_json.h"

#define BOLD   "\033[1m"
#define NORMAL "\033[0m"

/* What every callback returns: whether to go on. */
static bool go_on(const struct generate_output *output) {
    return !output->out.failed && !output->logits.failed && signals_caught() == 0;
}

/* Tell somebody who waits at a terminal, while the texts go elsewhere, that they come. */
static void show_progress(struct generate_output *output) {
    double seconds = gen_clock() - output->start;
    char speed[40] = "", left[40] = "";
    if (output->n_new_ids > 0 && seconds > 0) {
        snprintf(speed, sizeof speed, ", %.0f tokens/s", (double)output->n_new_ids / seconds);
    }
    double share = generate_is_batch(output->settings) ? input_share(&output->input->input) : -1;
    if (share > 0 && output->n_ended > 0) {
        /* What is read ahead is a few texts. */
        double rest = seconds * (1 - share) / share;
        snprintf(left, sizeof left, ", about %.0f s left", rest);
    }
    progress_count(&output->progress, "%llu texts, %llu bytes of new text%s%s",
                   (unsigned long long)output->n_ended, (unsigned long long)output->n_bytes, speed,
                   left);
}

/* The text of the prompt into output->scratch; none where the user gave none. */
static void decode_prompt(struct generate_output *output, const int32_t *ids, size_t n) {
    output->scratch.n = 0;
    if (output->load->tokenizer != NULL &&
        !generate_input_was_empty(output->input, gen_model_config(output->load->model), ids, n)) {
        alloc_decode(&output->scratch, output->load->tokenizer, ids, n);
    }
}

/* Write text of the prompt or of the model. */
static void put_text(struct generate_output *output, const char *bytes, size_t n) {
    if (!output->on_terminal) {
        text_out_write(&output->out, bytes, n);
        return;
    }
    output->shown.n = 0;
    terminal_text_append(&output->shown, bytes, n);
    text_out_write(&output->out, output->shown.data, output->shown.n);
}

/* ---- plain text ------------------------------------------------------------------------------*/

static void begin_text(struct generate_output *output) {
    if (output->settings->separator != NULL && output->n_texts > 0) {
        text_out_string(&output->out, output->settings->separator);
    }
    output->n_texts++;
    output->in_text = true;
}

static void end_text(struct generate_output *output) {
    if (output->settings->separator == NULL) {
        text_out_write(&output->out, output->settings->null ? "" : "\n", 1);
    }
    output->in_text = false;
}

static void echo_prompt(struct generate_output *output, const int32_t *ids, size_t n) {
    decode_prompt(output, ids, n);
    if (output->bold && output->scratch.n > 0) {
        text_out_string(&output->out, BOLD);
    }
    put_text(output, output->scratch.data, output->scratch.n);
    if (output->bold && output->scratch.n > 0) {
        text_out_string(&output->out, NORMAL);
    }
}

/* A model without a tokenizer has no text; its ids are printed instead. */
static void write_ids(struct generate_output *output, const struct gen_result *result) {
    output->scratch.n = 0;
    if (!output->settings->no_echo) {
        ids_format(&output->scratch, result->prompt_ids, result->n_prompt_ids, ' ');
        alloc_append(&output->scratch, " ", result->n_prompt_ids > 0 ? 1 : 0);
    }
    ids_format(&output->scratch, result->new_ids, result->n_new_ids, ' ');
    text_out_write(&output->out, output->scratch.data, output->scratch.n);
}

/* The table of --logprobs in lines of its own after a text; the last one ends as the text does. */
static void write_table(struct generate_output *output, const struct gen_result *result) {
    output->scratch.n = 0;
    alloc_append(&output->scratch, "\n", 1);
    logprob_table_fit(&output->table, &output->out);
    logprob_table_append(&output->scratch, &output->table, result);
    text_out_write(&output->out, output->scratch.data, output->scratch.n - 1);
}

/* ---- a file a text ---------------------------------------------------------------------------*/

/* Open the file of a text. */
static bool open_own_file(struct generate_output *output, uint64_t index, uint64_t sequence) {
    const struct record_rest *rest = record_rests_of(&output->input->rests, index);
    output->path = file_names_path(output->settings, &rest->name, sequence);
    bool good = text_out_open(&output->out, output->path);
    output->out.failed = !good;
    return good;
}

/* Close it, so that it is there whole; not one whose text did not come to its end. */
static bool close_own_file(struct generate_output *output, const struct gen_result *result) {
    bool whole = result->finish != GEN_FINISH_ERROR && result->finish != GEN_FINISH_CANCELED;
    bool good = !output->out.failed;
    if (whole) {
        good = text_out_close(&output->out);
    } else {
        text_out_give_up(&output->out);
    }
    free(output->path);
    output->path = NULL;
    output->out = (struct text_out){.failed = !good};
    return good;
}

/* ---- the sink --------------------------------------------------------------------------------*/

static bool on_begin(void *context, uint64_t index, uint64_t sequence, const int32_t *prompt_ids,
                     size_t n_prompt_ids) {
    struct generate_output *output = context;
    if (output->settings->output_dir != NULL && !open_own_file(output, index, sequence)) {
        return false;
    }
    if (output->settings->json) {
        return go_on(output);
    }
    begin_text(output);
    if (!output->settings->no_echo) {
        echo_prompt(output, prompt_ids, n_prompt_ids);
        text_out_show(&output->out);
    }
    return go_on(output);
}

static bool on_text(void *context, uint64_t index, uint64_t sequence, const char *bytes, size_t n) {
    struct generate_output *output = context;
    (void)index;
    (void)sequence;
    output->n_bytes += n;
    if (!output->settings->json) {
        put_text(output, bytes, n);
        text_out_show(&output->out);
    }
    show_progress(output);
    return go_on(output);
}

/* Little-endian whatever the machine is. */
static bool on_logits(void *context, const float *logits, int32_t n_vocab) {
    struct generate_output *output = context;
    output->scratch.n = 0;
    for (int32_t i = 0; i < n_vocab; i++) {
        uint32_t bits;
        memcpy(&bits, &logits[i], sizeof bits);
        char bytes[4] = {(char)(bits & 0xff), (char)(bits >> 8 & 0xff), (char)(bits >> 16 & 0xff),
                         (char)(bits >> 24)};
        alloc_append(&output->scratch, bytes, sizeof bytes);
    }
    text_out_write(&output->logits, output->scratch.data, output->scratch.n);
    return go_on(output);
}

/* What a record brought that goes into its JSON; NULL: nothing. */
static const struct gen_bytes *input_of(struct generate_output *output, uint64_t index) {
    const struct record_rest *rest = record_rests_of(&output->input->rests, index);
    return rest != NULL && rest->object.n > 0 ? &rest->object : NULL;
}

static void report_error(struct generate_output *output, const struct gen_result *result) {
    progress_end(&output->progress);
    memcpy(output->last_error, result->error->message, sizeof output->last_error);
    if (generate_is_batch(output->settings)) {
        message("prompt with index %llu: %s", (unsigned long long)result->index,
                result->error->message);
    } else {
        message("%s", result->error->message);
    }
    if (output->settings->output_dir != NULL) {
        return; /* its file is not made */
    }
    if (output->settings->json) {
        const struct generate_json with = {.run = output->run,
                                           .input = input_of(output, result->index)};
        output->scratch.n = 0;
        generate_json_error(&output->scratch, result, &with);
        text_out_write(&output->out, output->scratch.data, output->scratch.n);
        return;
    }
    if (!output->in_text && generate_is_batch(output->settings)) {
        begin_text(output);
    }
    if (output->in_text) {
        end_text(output);
    }
}

static double per_second(size_t n, double seconds) {
    return seconds > 0 ? (double)n / seconds : 0;
}

static void report_speed(struct generate_output *output, const struct gen_result *result) {
    progress_end(&output->progress);
    message("text %llu.%llu: prompt %zu tokens, %zu of them cached, in %.3f s (%.1f/s), "
            "new %zu tokens in %.3f s (%.1f/s), %zu of them guessed, finish %s",
            (unsigned long long)result->index, (unsigned long long)result->sequence,
            result->n_prompt_ids, result->n_cached, result->prompt_seconds,
            per_second(result->n_prompt_ids - result->n_cached, result->prompt_seconds),
            result->n_new_ids, result->decode_seconds,
            per_second(result->n_new_ids, result->decode_seconds), result->n_guessed,
            gen_finish_name(result->finish));
    output->totals.texts++;
    output->totals.prompt_ids += result->sequence == 0 ? result->n_prompt_ids : 0;
    output->totals.new_ids += result->n_new_ids;
}

void generate_output_report(const struct generate_output *output, double seconds) {
    const struct generate_totals *totals = &output->totals;
    if (totals->texts > 1) {
        message("%llu texts: prompts %llu tokens, new %llu tokens, in %.3f s (%.1f new/s in all)",
                (unsigned long long)totals->texts, (unsigned long long)totals->prompt_ids,
                (unsigned long long)totals->new_ids, seconds,
                per_second((size_t)totals->new_ids, seconds));
    }
}

static void write_json(struct generate_output *output, const struct gen_result *result) {
    struct gen_bytes line = {0};
    decode_prompt(output, result->prompt_ids, result->n_prompt_ids);
    const struct generate_json with = {
        .tokenizer = output->load->tokenizer,
        .prompt = &output->scratch,
        .run = output->run,
        .input = input_of(output, result->index),
        .with_timings = !output->settings->no_timings,
        .with_draft = output->draft->load.model != NULL,
    };
    generate_json_result(&line, result, &with);
    text_out_write(&output->out, line.data, line.n);
    gen_bytes_release(&line);
}

static bool on_end(void *context, const struct gen_result *result) {
    struct generate_output *output = context;
    if (result->finish == GEN_FINISH_ERROR) {
        report_error(output, result);
    } else if (output->settings->json) {
        write_json(output, result);
    } else if (output->in_text) {
        if (output->load->tokenizer == NULL) {
            write_ids(output, result);
        }
        write_table(output, result);
        end_text(output);
    }
    if (output->settings->output_dir != NULL) {
        if (output->path != NULL) {
            close_own_file(output, result);
            output->in_text = false;
        }
    } else if (result->finish == GEN_FINISH_CANCELED) {
        text_out_flush(&output->out);
    } else {
        text_out_mark(&output->out);
        text_out_mark(&output->logits);
    }
    output->n_ended++;
    output->n_new_ids += result->n_new_ids;
    show_progress(output);
    if (output->settings->verbose && result->finish != GEN_FINISH_ERROR) {
        report_speed(output, result);
    }
    return go_on(output);
}

/* Searches tell nothing before they are done. */
static bool on_go_on(void *context) {
    struct generate_output *output = context;
    if (generate_is_batch(output->settings)) {
        show_progress(output);
    }
    return go_on(output);
}

struct gen_sink generate_output_sink(struct generate_output *output) {
    return (struct gen_sink){
        .context = output,
        .begin = on_begin,
        .text = on_text,
        .logits = output->settings->save_logits != NULL ? on_logits : NULL,
        .end = on_end,
        .go_on = on_go_on,
    };
}

/* ---- the files -------------------------------------------------------------------------------*/

/* Whether writing to `path` (NULL: stdout) would destroy what is being read. */
static bool is_in_use(const char *path, const struct generate_settings *settings,
                      const struct model_load *load) {
    /* One prompt has been read by now, so `gen -f story >> story` is fine, and -o story; a batch
       would go on to read its own answers. */
    bool reads = generate_is_batch(settings);
    bool in_use = (load->path != NULL && input_same_file(load->path, path)) ||
                  (settings->bad_words != NULL && path != NULL &&
                   input_same_file(settings->bad_words, path)) ||
                  (settings->force_words != NULL && path != NULL &&
                   input_same_file(settings->force_words, path)) ||
                  (reads && input_same_file(settings->file, path));
    if (in_use) {
        message("%.400s: would be overwritten while it is read (give another file)",
                path != NULL ? path : "stdout");
    }
    return in_use;
}

static bool open_file(const struct generate_output *output, struct text_out *out,
                      const char *path) {
    return generate_is_batch(output->settings) ? text_out_open_many(out, path)
                                               : text_out_open(out, path);
}

static bool open_out(struct generate_output *output, const struct generate_resume *resume) {
    const char *path = output->settings->output;
    return resume != NULL ? generate_resume_open(resume, &output->out, path)
                          : open_file(output, &output->out, path);
}

static bool make_directory(const char *path) {
    struct stat found;
    int number = mkdir(path, 0777) == 0 ? 0 : errno;
    if (number == EEXIST && stat(path, &found) == 0) {
        number = S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
    }
    if (number != 0) {
        message_errno(path, number);
    }
    return number == 0;
}

bool generate_output_init(struct generate_output *output, const struct generate_settings *settings,
                          struct generate_input *input, const struct model_load *load,
                          const struct generate_draft *draft, const char *run,
                          const struct generate_resume *resume) {
    *output = (struct generate_output){
        .settings = settings, .input = input, .load = load, .draft = draft, .run = run};
    const char *logits = settings->save_logits;
    if (logits != NULL && is_in_use(logits, settings, load)) {
        return false;
    }
    if (settings->output_dir != NULL) {
        output->out.fd = -1; /* each text has a file, and none is a terminal */
        if (!make_directory(settings->output_dir)) {
            return false;
        }
    } else if (is_in_use(settings->output, settings, load) || !open_out(output, resume)) {
        return false;
    }
    output->bold = text_out_color(&output->out, (enum text_color)settings->color);
    output->on_terminal = terminal_text_needed(&output->out);
    output->table = logprob_table_for(&output->out, output->bold, load->tokenizer);
    output->start = gen_clock();
    progress_begin(&output->progress, "gen", settings->quiet || output->out.live);
    if (logits != NULL && !open_file(output, &output->logits, logits)) {
        return false;
    }
    if (logits != NULL && settings->output_dir == NULL &&
        text_out_same(&output->out, &output->logits)) {
        message("%.400s: text and --save-logits are one file (give two)", output->logits.name);
        output->out.failed = true; /* said already, and closed with the other */
        return false;
    }
    return true;
}

bool generate_output_release(struct generate_output *output, bool whole) {
    progress_end(&output->progress);
    struct text_out *out = &output->out, *logits = &output->logits;
    if (out->buffer != NULL && output->settings->separator != NULL && output->n_texts > 0) {
        text_out_string(out, "\n");
    }
    gen_bytes_release(&output->scratch);
    gen_bytes_release(&output->shown);
    free(output->path);
    /* Both or none: so nothing is renamed before all is written. */
    bool good = !out->failed && !logits->failed;
    good = (logits->buffer == NULL || text_out_flush(logits)) && good;
    good = (out->buffer == NULL || text_out_flush(out)) && good;
    if (!whole || !good) {
        text_out_give_up(logits);
        text_out_give_up(out);
        return good;
    }
    bool logits_good = text_out_close(logits);
    return text_out_close(out) && logits_good;
}
