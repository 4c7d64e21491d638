/**
 * generate.c - `gen generate`: from the command line to an exit status. Its parts have files of
 * their own: options, prompts (generate_input.c), rules of texts (generate_rules.c), texts on their
 * way out (generate_output.c). The work is gen_engine_run() in src/generate.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/model_load.h"
#include "cli/sandbox.h"
#include "cli/signals.h"
#include "cmd/command.h"
#include "cmd/generate/generate_cache.h"
#include "cmd/generate/generate_draft.h"
#include "cmd/generate/generate_input.h"
#include "cmd/generate/generate_options.h"
#include "cmd/generate/generate_output.h"
#include "cmd/generate/generate_resume.h"
#include "cmd/generate/generate_rules.h"
#include "cmd/generate/model_defaults.h"
#include "cmd/generate/run_name.h"

/* All that a run holds. */
struct generate {
    struct generate_settings *settings;
    struct generate_settings parsed; /* before anything was made of them */
    struct model_defaults defaults;
    struct model_load load;
    struct generate_draft draft;
    struct generate_rules rules;
    struct generate_input input;
    struct generate_output output;
    struct run_name name;
    struct generate_resume resume;
    struct generate_cache cache;
    struct gen_engine *engine;
};

/* Whether the only prompt there could be is one typed blindly. */
static bool has_no_prompt(const struct generate_settings *settings,
                          const struct options_parsed *parsed) {
    return parsed->n_operands == 0 && settings->file == NULL && !generate_is_batch(settings) &&
           generate_reads_stdin(settings, parsed) && isatty(STDIN_FILENO);
}

/* Whether records say which run they are of. */
static bool has_name(const struct generate_settings *settings) {
    return generate_is_batch(settings) && settings->json;
}

/* What need not be answered again. */
static enum gen_status find_answers(struct generate *generate, struct gen_error *err) {
    struct generate_resume *resume = &generate->resume;
    enum gen_status status =
        generate_resume_find(resume, generate->settings, generate->name.text, err);
    if (status == GEN_OK && resume->any) {
        generate->input.resumes = true;
        generate->input.last_answered = resume->last_index;
        if (!generate->settings->quiet) {
            message("going on after the prompt with index %llu, the last that %.300s answers",
                    (unsigned long long)resume->last_index, message_name(resume->path));
        }
    }
    return status;
}

/* What the model asks for, as if it had been given: from the settings as they were parsed. */
static enum gen_status take_defaults(struct generate *generate, const struct options_parsed *parsed,
                                     struct gen_error *err) {
    if (generate->parsed.defaults != GENERATE_DEFAULTS_MODEL) {
        return GEN_OK;
    }
    const char *kernels = generate->settings->options.kernels;
    *generate->settings = generate->parsed;
    generate->settings->options.kernels = kernels;
    enum gen_status status = model_defaults_take(&generate->defaults, generate->settings, parsed,
                                                 &generate_spec, generate_is_group_of_texts,
                                                 generate->load.model, generate->load.name, err);
    return status == GEN_OK ? generate_settings_complete(generate->settings, parsed, err) : status;
}

static enum gen_status prepare(struct generate *generate, const struct options_parsed *parsed,
                               struct gen_error *err) {
    struct generate_settings *settings = generate->settings;
    struct gen_model_options options = gen_model_options_default();
    options.n_threads = settings->options.n_threads;
    enum gen_status status = model_load_open(&generate->load, settings->model.name, &options, err);
    /* The first thing to wait for may be a prompt. */
    signals_catch();
    if (status == GEN_OK) {
        model_load_say_notes(&generate->load, settings->verbose);
        status = take_defaults(generate, parsed, err);
    }
    if (status == GEN_OK) {
        status = generate_draft_open(&generate->draft, settings, err);
    }
    if (status == GEN_OK && settings->output_dir == NULL) {
        status = generate_draft_check_output(&generate->draft, settings->output, err);
    }
    if (status == GEN_OK) {
        status = generate_rules_init(&generate->rules, settings, generate->load.tokenizer, err);
    }
    if (status == GEN_OK) {
        status = generate_input_init(&generate->input, settings, parsed, generate->load.model, err);
    }
    generate->input.progress = &generate->output.progress;
    generate->input.template = settings->template != NULL ? &generate->rules.template : NULL;
    if (status == GEN_OK && has_name(settings)) {
        status =
            run_name_find(&generate->name, settings, &generate->rules, generate->load.model, err);
    }
    if (status == GEN_OK && settings->resume) {
        status = find_answers(generate, err);
    }
    return status == GEN_OK ? generate_cache_open(&generate->cache, settings, err) : status;
}

static void report_model(const struct generate *generate) {
    const struct gen_model *model = generate->load.model;
    int n_threads = generate->settings->options.n_threads;
    message("model %.300s%s, %s, %.1f million parameters, context %d", generate->load.name,
            generate->load.path == NULL ? " (built in)" : "", gen_model_format(model),
            (double)gen_model_n_parameters(model) / 1e6, (int)gen_model_config(model)->n_ctx);
    generate_draft_say(&generate->draft);
    model_defaults_say(&generate->defaults, generate->settings, model);
    message("seed %llu, %d threads", (unsigned long long)generate->settings->options.seed,
            n_threads > 0 ? n_threads : gen_default_threads());
}

/*
 * Everything is open that will be read or written: give up the rest. How many threads there will be
 * is read from files of the system, so before.
 */
static void enter_sandbox(struct generate *generate) {
    struct generate_settings *settings = generate->settings;
    if (settings->model.no_sandbox) {
        return;
    }
    if (settings->options.n_threads == 0) {
        settings->options.n_threads = gen_default_threads();
    }
    char *texts = text_out_directory(&generate->output.out);
    char *logits = text_out_directory(&generate->output.logits);
    const char *outputs[] = {texts, logits, generate_cache_directory(&generate->cache)};
    bool writes_files = outputs[0] != NULL || outputs[1] != NULL || outputs[2] != NULL;
    struct sandbox sandbox =
        sandbox_enter(outputs, writes_files ? N_OF(outputs) : 0, settings->output_dir);
    free(texts);
    free(logits);
    if (settings->verbose) {
        sandbox_report(&sandbox);
    }
}

/* An engine that has read the prompt cache. */
static enum gen_status make_engine(struct generate *generate, struct gen_error *err) {
    const struct gen_generate_options *options = &generate->settings->options;
    const struct gen_engine_options engine = {
        .n_threads = options->n_threads,
        .kernels = options->kernels,
        .kv_type = options->kv_type,
        /* Where logits are told of there is one text at a time. */
        .batch =
            options->batch == 0 && generate->settings->save_logits != NULL ? 1 : options->batch,
        .least_batch = options->penalty_alpha > 0 ? options->sampling.top_k : options->num_beams,
        .draft = generate->draft.load.model,
    };
    enum gen_status status = gen_engine_new(&generate->engine, generate->load.model, &engine, err);
    return status == GEN_OK ? generate_cache_load(&generate->cache, generate->engine, err) : status;
}

/*
 * Run the engine and say what the exit code is, but for the closing of the files, and whether all
 * was done: a prompt of a batch that failed has its place among the answers.
 */
static int answer(struct generate *generate, bool *whole) {
    struct gen_source source = {
        .context = &generate->input, .next = generate_input_next, .ready = generate_input_ready};
    struct gen_sink sink = generate_output_sink(&generate->output);
    struct gen_error err = {0};
    uint64_t n_failed = 0;
    if (generate->settings->verbose) {
        report_model(generate);
    }
    enter_sandbox(generate);
    double start = gen_clock();
    enum gen_status status = make_engine(generate, &err);
    if (status == GEN_OK) {
        status = gen_engine_run(generate->engine, &generate->settings->options, &source, &sink,
                                &n_failed, &err);
        progress_end(&generate->output.progress);
        generate_output_report(&generate->output, gen_clock() - start);
        generate_draft_report(&generate->draft, generate->settings, generate->engine);
        generate_cache_save(&generate->cache, generate->engine);
    }
    if (status == GEN_CANCELED) {
        /* By a signal or a failed write; both are dealt with where the files are closed. */
        return EXIT_FAILED;
    }
    if (status != GEN_OK) {
        /* It may have been said of the text that it struck. */
        if (strcmp(err.message, generate->output.last_error) != 0) {
            message("%s", err.message);
        }
        return message_exit_code(status);
    }
    *whole = !generate->input.failed && signals_caught() == 0 &&
             (n_failed == 0 || generate_is_batch(generate->settings));
    return n_failed > 0 || generate->input.failed ? EXIT_FAILED : EXIT_DONE;
}

static int run(void *settings, const struct options_parsed *parsed) {
    struct generate generate = {.settings = settings,
                                .parsed = *(const struct generate_settings *)settings};
    struct gen_error err = {0};
    if (has_no_prompt(settings, parsed)) {
        message("no prompt: try gen 'Once upon a time', or gen --help (an empty one is -p '')");
        return EXIT_USAGE;
    }
    if (generate_is_batch(settings) && generate_reads_stdin(settings, parsed) &&
        isatty(STDIN_FILENO) && !generate.settings->quiet) {
        message("reads prompts from the terminal, to the end with Ctrl-D");
    }
    generate.settings->options.kernels = compute_kernels();
    enum gen_status status = generate_settings_complete(settings, parsed, &err);
    if (status == GEN_OK) {
        status = prepare(&generate, parsed, &err);
    }
    int code = message_exit_code(status);
    bool whole = false;
    if (signals_caught() != 0) {
        /* There is nothing to say. */
    } else if (status != GEN_OK) {
        message("%s", err.message);
    } else if (!generate_output_init(&generate.output, settings, &generate.input, &generate.load,
                                     &generate.draft,
                                     has_name(settings) ? generate.name.text : NULL,
                                     generate.settings->resume ? &generate.resume : NULL)) {
        code = EXIT_FAILED;
    } else {
        code = answer(&generate, &whole);
    }
    if (!generate_output_release(&generate.output, whole) && code == EXIT_DONE) {
        code = EXIT_FAILED;
    }
    gen_engine_free(generate.engine);
    generate_cache_close(&generate.cache);
    generate_resume_release(&generate.resume);
    generate_input_release(&generate.input);
    generate_rules_release(&generate.rules);
    model_defaults_release(&generate.defaults);
    generate_draft_close(&generate.draft);
    model_load_close(&generate.load);
    return signals_caught() != 0 ? EXIT_SIGNAL + signals_caught() : code;
}

const struct command generate_command = {
    .name = "generate",
    .summary = "continue a prompt; the default command",
    .spec = &generate_spec,
    .settings_size = sizeof(struct generate_settings),
    .set_defaults = generate_set_defaults,
    .run = run,
};
