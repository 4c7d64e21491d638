/**
 * generation_config.h - what a Hugging Face directory asks of generation (generation_config.json,
 * or config.json in directories older than that).
 *
 * As in transformers config.json's settings count only where there is no generation_config.json;
 * the ids that end a text are those of both files together.
 */
#ifndef FORMAT_GENERATION_CONFIG_H
#define FORMAT_GENERATION_CONFIG_H

#include "format/model_file.h"
#include "text/json.h"

/**
 * Add the ids of the member eos_token_id (a number, a list, null or -1 for none) to file->eos_ids,
 * and keep the other settings that change a text. `where` names the file in messages.
 */
enum gen_status generation_config_take(struct model_file *file, const cJSON *object,
                                       const char *where, struct gen_error *err);

/** Keep the settings of an object that change a text as file->generation, and a sentence that names
 *  them as file->unheeded, in the place of what was there; NULL where there are none. */
enum gen_status generation_config_keep(struct model_file *file, const cJSON *object,
                                       const char *where, struct gen_error *err);

/** Take both from directory/generation_config.json, if there is one. */
enum gen_status generation_config_read(struct model_file *file, const char *directory,
                                       struct gen_error *err);

#endif
