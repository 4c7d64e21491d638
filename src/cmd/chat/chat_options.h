/**
 * chat_options.h - the options of `gen chat`, and what /set makes of them while it runs.
 */
#ifndef CMD_CHAT_CHAT_OPTIONS_H
#define CMD_CHAT_CHAT_OPTIONS_H

#include "cmd/generate/generate_options.h"
#include "cmd/generate/generate_rules.h"

/** What the command line says. */
struct chat_settings {
    struct generate_settings generate; /**< first: rows and rules are those of `gen generate` */
    const char *chat_template, *system, *history;
    bool own_length; /**< --max-new-tokens was given */
};

extern const struct options_spec chat_spec;

void chat_set_defaults(void *settings);

/** Whether the options under a heading of the table are those of an answer. */
bool chat_is_group_of_answers(const char *heading);

/** Check what the parser cannot. GEN_BAD_ARGUMENT and a sentence. */
enum gen_status chat_settings_complete(struct chat_settings *settings,
                                       const struct options_parsed *parsed, struct gen_error *err);

/** What the engine takes: made of the settings, for a model and a template. Start from {0}. */
struct chat_rules {
    struct gen_generate_options options;
    struct generate_rules words;  /**< --bad-words, whose file is read once, at the start */
    struct generate_rules others; /**< what options point to besides */
    const char **stops;
};

/**
 * Make the rules, or make them anew after settings changed; on failure they are as they were.
 * `check` says whether the engine takes such options.
 */
enum gen_status chat_rules_make(struct chat_rules *rules, const struct chat_settings *settings,
                                const struct gen_model *model,
                                const struct gen_chat_template *chat_template,
                                struct gen_engine *engine, struct gen_error *err);
void chat_rules_release(struct chat_rules *rules);

/**
 * /set: change one option; a list without a value becomes empty. The text is copied where it is
 * kept, and the copies belong to `kept` (texts that live as long as the settings). On failure
 * nothing has changed.
 */
struct chat_kept {
    char **texts;
    size_t n, capacity;
};
bool chat_settings_set(struct chat_settings *settings, struct chat_kept *kept, const char *name,
                       const char *value, struct gen_error *err);
void chat_kept_release(struct chat_kept *kept);

/** Give settings that are copied lists of their own, of the same texts; and free these. */
void chat_settings_own_lists(struct chat_settings *settings);
void chat_settings_free_lists(struct chat_settings *settings);

/** Append an option that /set knows, of any of its names, with its value, as a line. */
void chat_settings_show(struct gen_bytes *out, const struct chat_settings *settings,
                        const char *name);
/** Append the options that /set knows with their values, a line each. */
void chat_settings_list(struct gen_bytes *out, const struct chat_settings *settings);

#endif
