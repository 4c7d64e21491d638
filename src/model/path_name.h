/** path_name.h - a name for a model that has none. */
#ifndef MODEL_PATH_NAME_H
#define MODEL_PATH_NAME_H

#include <stddef.h>

/**
 * What a model without a name is called, n bytes from what is returned: the last part of its path
 * without
 * `.gguf` ("model" for "." and ".."), or of a folder in the Hub's cache the repository's. A path
 * may hold bytes that are not UTF-8, so it goes through error_quote() before it is written.
 */
const char *model_path_name(const char *path, size_t *n);

#endif
