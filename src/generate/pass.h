/**
 * pass.h - one pass through the model with a few rows of each text that is under way.
 *
 * A text that is being decoded has one row, its last id, and perhaps a draft after it (drafter.h).
 * What room is left goes to texts whose prompt is still to be read, in chunks and the oldest first,
 * so that long prompts hold up neither the decoding nor each other. After the pass each text gets
 * from its decoder (decoder.h) what it reads next.
 */
#ifndef GENERATE_PASS_H
#define GENERATE_PASS_H

#include "generate/decoder.h"
#include "generate/drafter.h"
#include "generate/scheduler.h"

struct task;

struct pass {
    struct scheduler *scheduler;
    const struct drafter *drafter; /**< of this run; NULL: no drafts */
    const struct decoder
        *settles[2]; /**< those of this run that have something to settle; or NULL */
    struct draft drafts[DRAFT_ROWS];
    size_t n_drafts;
    struct gen_row *rows; /**< [n_slots and a chunk] */
    struct task *tasks;   /**< [n_slots] what each text has in the pass */
    size_t n_tasks;
};

/** False: out of memory. Release also after a failure. */
bool pass_init(struct pass *pass, struct scheduler *scheduler);
void pass_release(struct pass *pass);

/**
 * Take a step with all texts that have a slot; those that are done or fail leave it. A failure that
 * is a text's own is noted there and none of the run.
 */
enum gen_status pass_run(struct pass *pass, struct gen_error *err);

#endif
