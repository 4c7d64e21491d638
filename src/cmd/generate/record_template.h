/**
 * record_template.h - text with {{field}} in the places of a record's fields.
 */
#ifndef CMD_GENERATE_RECORD_TEMPLATE_H
#define CMD_GENERATE_RECORD_TEMPLATE_H

#include "cmd/record/record_fields.h"

/** Read the text of a file without its last newline; each {{ must have a name and }} after it. */
enum gen_status record_template_read(struct gen_bytes *text, const char *path,
                                     struct gen_error *err);

/** Whether the text is a template; `name` is where it is from. */
enum gen_status record_template_check(const struct gen_bytes *text, const char *name,
                                      struct gen_error *err);

/** Whether {{name}} is in a template that has been checked. */
bool record_template_has(const struct gen_bytes *text, const char *name);
/**
 * Append the text with the values of the fields: texts as they are, null as nothing, all else as
 * it is spelled. A field that is not there is an error; `where` names the record.
 */
enum gen_status record_template_fill(struct gen_bytes *out, const struct gen_bytes *text,
                                     const struct record_fields *fields, const char *where,
                                     struct gen_error *err);

#endif
