/**
 * json_file.h - the JSON files of a model's directory.
 */
#ifndef FORMAT_JSON_FILE_H
#define FORMAT_JSON_FILE_H

#include "text/json.h"

/**
 * Parse a file of at most `limit` bytes whose value must be an object, by json_parse_python(). What
 * else the file may be, such as a git-lfs pointer, is said by name. Free with cJSON_Delete().
 */
enum gen_status json_read_object(cJSON **out, const char *path, size_t limit,
                                 struct gen_error *err);

#endif
