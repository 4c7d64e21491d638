/**
 * chat_template.h - the chat template of a Hugging Face directory, under the keys of a GGUF.
 *
 * As in transformers chat_template.jinja comes first, else the member chat_template of
 * tokenizer_config.json: a text, or a list of {"name", "template"}. The one called default becomes
 * tokenizer.chat_template, others tokenizer.chat_template.NAME, and their names
 * tokenizer.chat_templates, as llama.cpp's converter has them.
 */
#ifndef FORMAT_CHAT_TEMPLATE_H
#define FORMAT_CHAT_TEMPLATE_H

#include "format/model_file.h"
#include "gen.h"

/** The beginning of all these keys. */
#define CHAT_TEMPLATE_KEY "tokenizer.chat_template"

/** Add the templates of the directory file->name, if there are any, to the file's settings; nothing
 *  is done with them but that. To be called once. */
enum gen_status chat_template_read(struct model_file *file, struct gen_error *err);

#endif
