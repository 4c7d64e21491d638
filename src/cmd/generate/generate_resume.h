/**
 * generate_resume.h - what an earlier run has answered already: `gen generate --resume`.
 */
#ifndef CMD_GENERATE_GENERATE_RESUME_H
#define CMD_GENERATE_GENERATE_RESUME_H

#include "cli/text_out.h"
#include "cmd/generate/generate_options.h"

struct generate_resume {
    char *path;             /**< FILE.partial, or FILE if it has more answers; NULL: none */
    bool is_partial;        /**< which of the two */
    uint64_t n_left;        /**< bytes of FILE.partial, if it is there */
    uint64_t size, n_whole; /**< bytes that it has, and those with the answers that count */
    bool any;               /**< some prompt is answered */
    uint64_t last_index;    /**< of those that are; all before it are, too */
};

/**
 * Read what is there of the file that settings->output names. It must have been made by a run of
 * that name, and of the same part of the list. All sequences of a prompt must be there for it to
 * count; a line without its end does not. Release also after a failure.
 */
enum gen_status generate_resume_find(struct generate_resume *resume,
                                     const struct generate_settings *settings, const char *run,
                                     struct gen_error *err);
/** Open the output and put into it what counts. False after a message. */
bool generate_resume_open(const struct generate_resume *resume, struct text_out *out,
                          const char *path);
void generate_resume_release(struct generate_resume *resume);

#endif
