/**
 * file_names.h - names of the files of --output-dir.
 */
#ifndef CMD_GENERATE_FILE_NAMES_H
#define CMD_GENERATE_FILE_NAMES_H

#include "cmd/generate/generate_options.h"
#include "cmd/record/record_fields.h"

/**
 * The name of the files for the texts of a prompt, from --name and its fields; {{sequence}} stays
 * in it. It must be a name in the directory, not a path out of it, and differ from text to text.
 */
enum gen_status file_names_make(struct gen_bytes *name, const struct generate_settings *settings,
                                const struct gen_generate_options *options,
                                const struct record_fields *fields, uint64_t index,
                                struct gen_error *err);

/** The path of the file for one of these texts, to be freed with free(). */
char *file_names_path(const struct generate_settings *settings, const struct gen_bytes *name,
                      uint64_t sequence);

#endif
