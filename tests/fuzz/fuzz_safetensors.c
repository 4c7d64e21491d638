/**
 * fuzz_safetensors.c - libFuzzer entry: any bytes as a safetensors file, and the same bytes as
 * JSON. What the strict scanner passes must be what cJSON parses.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "format/model_file.h"
#include "fuzz.h"
#include "text/json.h"

static void read_safetensors(const uint8_t *data, size_t size) {
    struct gen_error err;
    struct model_file *file = memory_new(1, sizeof *file);
    if (file == NULL || (file->maps = memory_new(1, sizeof *file->maps)) == NULL) {
        abort();
    }
    file->naming = NAMES_HF;
    file->maps[0] = (struct file_map){.data = data, .size = size, .mapped = false};
    file->n_maps = 1;
    if (safetensors_read(file, 0, "fuzz", NULL, &err) == GEN_OK) {
        /* Whoever uses a tensor may trust that its data lie inside the file. */
        for (size_t i = 0; i < file->n_tensors; i++) {
            const struct file_tensor *tensor = &file->tensors[i];
            size_t at = (size_t)(tensor->data - data);
            if (at > size || tensor->size > size - at ||
                model_file_tensor(file, tensor->name) != tensor) {
                abort();
            }
        }
    }
    model_file_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_error err;
    cJSON *value = NULL;
    read_safetensors(data, size);
    if (json_parse(&value, (const char *)data, size, "fuzz", &err) == GEN_NO_MEMORY) {
        abort(); /* the scanner passed what cJSON does not parse */
    }
    cJSON_Delete(value);
    return 0;
}
