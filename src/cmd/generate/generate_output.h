/**
 * generate_output.h - the texts of `gen generate`: as they are or as JSON, as a gen_sink.
 *
 * Plain: prompt and new text as they come, then a newline (with --null a NUL). With --separator
 * that text is between two texts instead, and one newline after the last. With --logprobs the table
 * of the probabilities is part of the text, in lines of its own. In a batch an
 * answer that failed is empty, so that the others keep their places.
 */
#ifndef CMD_GENERATE_GENERATE_OUTPUT_H
#define CMD_GENERATE_GENERATE_OUTPUT_H

#include "cli/model_load.h"
#include "cli/progress.h"
#include "cli/text_out.h"
#include "cmd/generate/generate_draft.h"
#include "cmd/generate/generate_input.h"
#include "cmd/generate/generate_options.h"
#include "cmd/generate/generate_resume.h"
#include "cmd/generate/logprob_table.h"
#include "gen.h"

struct generate_output {
    const struct generate_settings *settings;
    struct generate_input *input;
    const struct model_load *load;
    const struct generate_draft *draft;
    const char *run; /**< name of the run in JSON; NULL: none */
    char *path;      /**< of the file of the text that has begun; NULL: texts go to one place */
    struct text_out out;
    struct text_out logits;     /**< --save-logits */
    struct gen_bytes scratch;   /**< the prompt's text, a row of logits */
    struct gen_bytes shown;     /**< text as a terminal gets it */
    bool bold;                  /**< show the prompt in bold */
    bool on_terminal;           /**< control characters in texts are shown, not sent */
    struct logprob_table table; /**< of --logprobs */
    bool in_text;               /**< a text was begun and not ended */
    uint64_t n_texts;           /**< texts begun */
    struct progress progress;   /**< shown where the texts go to a file */
    double start;               /**< of gen_clock() */
    uint64_t n_new_ids;         /**< of the texts that are done */
    uint64_t n_ended, n_bytes;  /**< what it tells: texts that are done, bytes of new text */
    struct generate_totals {
        uint64_t texts, prompt_ids, new_ids;
    } totals;                          /**< of the texts that are done */
    char last_error[GEN_MESSAGE_SIZE]; /**< what was said of the last text that failed */
};

/**
 * Open the files; with `resume`, which may be NULL, that of the texts is gone on with. On failure
 * the message is out. Release in any case.
 */
bool generate_output_init(struct generate_output *output, const struct generate_settings *settings,
                          struct generate_input *input, const struct model_load *load,
                          const struct generate_draft *draft, const char *run,
                          const struct generate_resume *resume);
/**
 * Complete and close the files. Files with names get them only if the run is `whole`; see
 * text_out.h. False if some write failed; the message is out.
 */
bool generate_output_release(struct generate_output *output, bool whole);

/** Say on stderr what the job came to in `seconds`, if there was more than one text. */
void generate_output_report(const struct generate_output *output, double seconds);

/** The sink that writes to `output`. */
struct gen_sink generate_output_sink(struct generate_output *output);

#endif
