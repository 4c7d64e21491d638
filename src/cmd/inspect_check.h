/** inspect_check.h - `gen inspect --check`. */
#ifndef CMD_INSPECT_CHECK_H
#define CMD_INSPECT_CHECK_H

#include "cli/model_load.h"

/**
 * Check a model that was opened for its metadata, and make the report, text or a JSON object;
 * *is_wrong: whether something is. A progress bar shows how far it is; Ctrl-C cancels.
 */
enum gen_status inspect_check(struct gen_bytes *text, const struct model_load *load, bool json,
                              bool *is_wrong, struct gen_error *err);

#endif
