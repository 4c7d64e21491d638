/**
 * generate_draft.h - the draft model of `gen generate` and `gen chat`: --draft-model.
 */
#ifndef CMD_GENERATE_GENERATE_DRAFT_H
#define CMD_GENERATE_GENERATE_DRAFT_H

#include "cli/json_out.h"
#include "cli/model_load.h"
#include "cmd/generate/generate_options.h"

/** Start from {0}. */
struct generate_draft {
    struct model_load load; /**< load.model is NULL where there is none */
};

/** Open it, unless there is none or nothing to guess for it, which is said. */
enum gen_status generate_draft_open(struct generate_draft *draft,
                                    const struct generate_settings *settings,
                                    struct gen_error *err);
void generate_draft_close(struct generate_draft *draft);

/** GEN_IO_ERROR where `path` (NULL: stdout), which will be written, is its file. */
enum gen_status generate_draft_check_output(const struct generate_draft *draft, const char *path,
                                            struct gen_error *err);

/** Say with --verbose which one it is. */
void generate_draft_say(const struct generate_draft *draft);
/** Say with --verbose what it has done, and in any case, but for --quiet, that it gave up. */
void generate_draft_report(const struct generate_draft *draft,
                           const struct generate_settings *settings,
                           const struct gen_engine *engine);

/** Members of "timings": draft_seconds, guessed_tokens, accepted_tokens. */
void generate_draft_json(struct json_out *json, const struct gen_result *result);

#endif
