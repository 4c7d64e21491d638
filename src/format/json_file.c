/**
 * json_file.c - reading a JSON file that must hold an object, and saying what a file is that does
 * not even look like JSON. Parsing is text/json.c's; what the members must be, each reader's.
 */
#include "format/json_file.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/looks_like.h"
#include "text/lines.h"

/* What a file is that does not even look like JSON, else NULL. */
static const char *other_text(const char *text, size_t n) {
    if (n == 0) {
        return "the file is empty";
    }
    if (text_mark_length(text, n) > 0) {
        return "begins with a byte order mark, which JSON has not (save it as UTF-8 without BOM)";
    }
    if (n >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 ||
                   text[0] == '\0' || text[1] == '\0')) {
        return "is UTF-16 or UTF-32 text, but JSON must be UTF-8 (save it as UTF-8)";
    }
    return file_looks_like(text, n);
}

enum gen_status json_read_object(cJSON **out, const char *path, size_t limit,
                                 struct gen_error *err) {
    *out = NULL;
    struct error_quoted where;
    error_path(&where, path);
    char *text = NULL;
    size_t n = 0;
    enum gen_status status = file_read(&text, &n, path, limit, err);
    const char *other = status == GEN_OK ? other_text(text, n) : NULL;
    if (other != NULL) {
        status = error_set(err, GEN_BAD_FILE, "%s: %s", where.text, other);
    }
    if (status == GEN_OK) {
        status = json_parse_python(out, text, n, where.text, err);
    }
    if (status == GEN_OK && !cJSON_IsObject(*out)) {
        status = error_set(err, GEN_BAD_FILE, "%s: holds %s, but must hold a JSON object",
                           where.text, json_kind(*out));
        cJSON_Delete(*out);
        *out = NULL;
    }
    memory_free(text);
    return status;
}
