/**
 * kind.h - GGUF files that hold no model and yet can be told something of: a LoRA adapter, and a
 * vocabulary alone (tokenizer.ggml.* and no tensor).
 */
#ifndef MODEL_KIND_H
#define MODEL_KIND_H

#include "format/model_file.h"
#include "gen.h"

/** What the file claims to be. */
enum gen_kind kind_of(const struct model_file *file);

/** What an adapter says of itself; its alpha is 0 where it names none. */
struct gen_adapter kind_adapter(const struct model_file *file);

#endif
