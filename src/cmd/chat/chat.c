/**
 * chat.c - `gen chat`: from the command line to an exit status. Its parts have files of their own:
 * what is typed (chat_reader.c, chat_front.c), the conversation (chat_talk.c), what is shown
 * (chat_screen.c), commands (chat_commands.c), many conversations (chat_batch.c).
 */
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/sandbox.h"
#include "cli/signals.h"
#include "cmd/chat/chat_batch.h"
#include "cmd/command.h"

/* ---- answers ---------------------------------------------------------------------------------*/

static void on_text(void *context, const char *bytes, size_t n) {
    struct chat *chat = context;
    chat_screen_text(&chat->screen, bytes, n);
}

static bool on_go_on(void *context) {
    const struct chat *chat = context;
    return !chat->screen.out.failed && signals_caught() == 0;
}

static int n_ctx_of(const struct chat *chat) {
    return (int)gen_model_config(chat->load.model)->n_ctx;
}

static void on_full(void *context) {
    const struct chat *chat = context;
    if (!chat->settings->generate.quiet) {
        struct gen_error said;
        message_set(&said, GEN_CONTEXT_FULL,
                    "the context of %d tokens is full: from now on the model does not see the "
                    "oldest turns; /show and /save have them",
                    n_ctx_of(chat));
        chat_screen_warn(&chat->screen, said.message);
    }
}

static void on_end(void *context, const struct gen_result *result) {
    struct chat *chat = context;
    chat_screen_end(&chat->screen, result, &chat->talk.messages);
    if (result->finish == GEN_FINISH_CONTEXT && !chat->settings->generate.quiet) {
        struct gen_error said;
        message_set(&said, GEN_CONTEXT_FULL, "the answer ends where the context of %d tokens does",
                    n_ctx_of(chat));
        chat_screen_warn(&chat->screen, said.message);
    }
}

static const struct chat_listener listener_of = {
    .text = on_text, .go_on = on_go_on, .full = on_full, .end = on_end};

/* What became of an answer, which is `index` unless it did not begin. */
static void take_status(struct chat *chat, enum gen_status status, uint64_t index,
                        const struct gen_error *err) {
    if (status == GEN_CANCELED) {
        /* At a terminal Ctrl-C is for the answer; else, as any other signal, for the program. */
        bool goes_on = chat->reader.interactive && signals_forget_interrupt();
        if (goes_on && chat->screen.index == index && chat->screen.on_terminal) {
            text_out_string(&chat->screen.out, "\n"); /* after the terminal's ^C */
            chat_screen_note(&chat->screen, "no answer; /retry asks once more");
        }
        chat->failed = chat->failed || !chat->reader.interactive;
    } else if (status != GEN_OK) {
        chat_screen_error(&chat->screen, err);
        chat->failed = true;
    }
}

void chat_say(struct chat *chat, const char *message, size_t n) {
    struct chat_listener listener = listener_of;
    struct gen_error err;
    uint64_t index = chat->screen.index;
    listener.context = chat;
    enum gen_status status = chat->replaces
                                 ? chat_talk_edit(&chat->talk, message, n, &listener, &err)
                                 : chat_talk_say(&chat->talk, message, n, &listener, &err);
    chat->replaces = false;
    take_status(chat, status, index, &err);
}

void chat_retry(struct chat *chat) {
    struct chat_listener listener = listener_of;
    struct gen_error err;
    uint64_t index = chat->screen.index;
    listener.context = chat;
    enum gen_status status = chat_talk_retry(&chat->talk, &listener, &err);
    take_status(chat, status, index, &err);
}

/* ---- the run ---------------------------------------------------------------------------------*/

static enum gen_status find_template(struct chat *chat, struct gen_error *err) {
    const char *name = chat->settings->chat_template;
    enum gen_status status =
        gen_chat_template_new(&chat->chat_template, chat->load.model, name, err);
    if (status == GEN_OK && chat->chat_template == NULL) {
        status = gen_chat_template_new(&chat->chat_template, chat->load.model, "plain", err);
        if (status == GEN_OK && !chat->settings->generate.quiet) {
            chat_screen_warn(
                &chat->screen,
                "the model brings no chat template: it reads \"User: ...\" and \"Assistant: "
                "...\" (--template NAME for another, --template plain for this one)");
        }
    }
    return status;
}

/* What the model asks for, as if it had been given. */
static enum gen_status take_defaults(struct chat *chat, const struct options_parsed *parsed,
                                     struct gen_error *err) {
    if (chat->settings->generate.defaults != GENERATE_DEFAULTS_MODEL) {
        return GEN_OK;
    }
    enum gen_status status =
        model_defaults_take(&chat->defaults, chat->settings, parsed, &chat_spec,
                            chat_is_group_of_answers, chat->load.model, chat->load.name, err);
    return status == GEN_OK ? chat_settings_complete(chat->settings, parsed, err) : status;
}

static enum gen_status prepare(struct chat *chat, const struct options_parsed *parsed,
                               struct gen_error *err) {
    struct generate_settings *settings = &chat->settings->generate;
    struct gen_model_options options = gen_model_options_default();
    options.n_threads = settings->options.n_threads;
    enum gen_status status = model_load_open(&chat->load, settings->model.name, &options, err);
    signals_catch();
    if (chat->reader.interactive) {
        signals_keep_interrupt();
    }
    if (status == GEN_OK && chat->load.path != NULL &&
        input_same_file(chat->load.path, settings->output)) {
        message_set(err, GEN_IO_ERROR,
                    "%.400s: would be overwritten while it is read (give another file)",
                    message_name(chat->load.path));
        status = GEN_IO_ERROR;
    }
    if (status == GEN_OK) {
        model_load_say_notes(&chat->load, settings->verbose);
        status = take_defaults(chat, parsed, err);
    }
    if (status == GEN_OK) {
        status = find_template(chat, err);
    }
    if (status == GEN_OK) {
        status = generate_draft_open(&chat->draft, settings, err);
    }
    if (status == GEN_OK) {
        status = generate_draft_check_output(&chat->draft, settings->output, err);
    }
    if (status == GEN_OK) {
        /* How many threads there will be is read from files of the system, so before the sandbox.
         */
        if (settings->options.n_threads == 0) {
            settings->options.n_threads = gen_default_threads();
        }
        struct gen_engine_options engine = gen_engine_options_default();
        engine.n_threads = settings->options.n_threads;
        engine.kernels = settings->options.kernels;
        engine.kv_type = settings->options.kv_type;
        engine.batch = settings->options.batch;
        engine.draft = chat->draft.load.model;
        status = gen_engine_new(&chat->engine, chat->load.model, &engine, err);
    }
    if (status == GEN_OK) {
        status = chat_rules_make(&chat->rules, chat->settings, chat->load.model,
                                 chat->chat_template, chat->engine, err);
    }
    return status;
}

static void enter_sandbox(struct chat *chat) {
    const struct generate_settings *settings = &chat->settings->generate;
    if (settings->model.no_sandbox) {
        return;
    }
    char *output = text_out_directory(&chat->screen.out);
    const char *outputs[] = {output};
    struct sandbox sandbox = sandbox_enter(outputs, output != NULL ? 1 : 0, NULL);
    free(output);
    if (settings->verbose) {
        sandbox_report(&sandbox);
    }
}

static void report_model(const struct chat *chat) {
    const struct gen_model *model = chat->load.model;
    message("model %.300s%s, %.1f million parameters, context %d, template %.80s, seed %llu",
            chat->load.name, chat->load.path == NULL ? " (built in)" : "",
            (double)gen_model_n_parameters(model) / 1e6, (int)gen_model_config(model)->n_ctx,
            gen_chat_template_name(chat->chat_template),
            (unsigned long long)chat->settings->generate.options.seed);
    generate_draft_say(&chat->draft);
    model_defaults_say(&chat->defaults, &chat->settings->generate, model);
    if (chat->reader.interactive && !chat->reader.edits) {
        message("gen was built without libedit: lines are edited as the terminal does");
    }
}

static void greet(struct chat *chat) {
    if (chat->reader.interactive && !chat->settings->generate.quiet) {
        static const char text[] = "Type a message; /help lists commands, Ctrl-D ends.\n";
        chat_screen_say(&chat->screen, text, sizeof text - 1);
    }
}

/* Whether a signal asks to end; at a terminal Ctrl-C does not, wherever it comes. */
static bool must_end(const struct chat *chat) {
    return signals_caught() != 0 && !(chat->reader.interactive && signals_forget_interrupt());
}

static int talk(struct chat *chat, bool *whole) {
    struct gen_bytes text = {0};
    struct gen_error err;
    enum chat_got got = CHAT_GOT_MESSAGE;
    const char *system = chat->settings->system;
    chat->talk = (struct chat_talk){.model = chat->load.model,
                                    .chat_template = chat->chat_template,
                                    .engine = chat->engine,
                                    .options = &chat->rules.options};
    if (system != NULL) {
        chat_talk_set_system(&chat->talk, system, strlen(system));
    }
    greet(chat);
    while (!chat->ends && !chat->screen.out.failed && got != CHAT_GOT_END &&
           got != CHAT_GOT_ERROR && !must_end(chat)) {
        alloc_append(&chat->beginning, "", 1);
        got = chat_reader_next(&chat->reader, chat->beginning.data, &text, &err);
        chat->beginning.n = 0;
        chat->replaces = chat->replaces && got == CHAT_GOT_MESSAGE;
        if (got == CHAT_GOT_MESSAGE) {
            chat_say(chat, text.data, text.n);
        } else if (got == CHAT_GOT_COMMAND) {
            chat_command_run(chat, text.data);
        }
    }
    if (got == CHAT_GOT_ERROR) {
        message("%s", err.message);
        chat->failed = true;
    } else if (got == CHAT_GOT_END && chat->reader.interactive && chat->screen.on_terminal) {
        text_out_string(&chat->screen.out, "\n");
    }
    *whole = got != CHAT_GOT_ERROR && !chat->reader.gone && signals_caught() == 0;
    gen_bytes_release(&text);
    /* Whoever typed knows what else went wrong, and mended it. */
    bool mended = chat->reader.interactive && got != CHAT_GOT_ERROR && !chat->reader.gone;
    return chat->failed && !mended ? EXIT_FAILED : EXIT_DONE;
}

static void release(struct chat *chat) {
    chat_reader_stop(&chat->reader);
    chat_talk_release(&chat->talk);
    chat_rules_release(&chat->rules);
    chat_kept_release(&chat->kept);
    model_defaults_release(&chat->defaults);
    gen_bytes_release(&chat->beginning);
    gen_engine_free(chat->engine);
    generate_draft_close(&chat->draft);
    gen_chat_template_free(chat->chat_template);
    model_load_close(&chat->load);
}

static int run(void *settings, const struct options_parsed *parsed) {
    struct chat chat = {.settings = settings, .reader = {.ask = -1, .answers = -1}};
    struct generate_settings *generate = &chat.settings->generate;
    struct input input = {.fd = -1};
    struct gen_error err;
    bool whole = false;
    enum gen_status status = chat_settings_complete(settings, parsed, &err);
    int code = message_exit_code(status);
    bool opened = status == GEN_OK && chat_screen_open(&chat.screen, generate);
    if (status == GEN_OK && !opened) {
        return EXIT_FAILED;
    }
    if (status == GEN_OK) {
        status = generate->jsonl
                     ? input_open(&input, generate->file, &err)
                     : chat_reader_start(&chat.reader, settings, chat.screen.color, &err);
    }
    if (status == GEN_OK) {
        status = prepare(&chat, parsed, &err);
    }
    if (status != GEN_OK) {
        message("%s", err.message);
        code = message_exit_code(status);
    } else if (signals_caught() == 0) {
        if (generate->verbose) {
            report_model(&chat);
        }
        enter_sandbox(&chat);
        code = generate->jsonl ? chat_batch_run(&chat, &input, &whole) : talk(&chat, &whole);
        generate_draft_report(&chat.draft, generate, chat.engine);
    }
    if (opened && !chat_screen_close(&chat.screen, whole) && code == EXIT_DONE) {
        code = EXIT_FAILED;
    }
    if (generate->jsonl && input.fd >= 0) {
        input_close(&input);
    }
    release(&chat);
    return signals_caught() != 0 ? EXIT_SIGNAL + signals_caught() : code;
}

const struct command chat_command = {
    .name = "chat",
    .summary = "talk with a model, or answer conversations in JSON lines",
    .spec = &chat_spec,
    .settings_size = sizeof(struct chat_settings),
    .set_defaults = chat_set_defaults,
    .run = run,
};
