/**
 * pair_record.c - which shape a record of a file of pairs has, and where its texts are. How they
 * become one text is left to pair_template.c, and which ids count to pairs.c.
 */
#include "data/pair_record.h"

#include <string.h>

#include "base/error.h"

static enum gen_status unknown(const cJSON *object, const char *prompt, const char *completion,
                               const char *where, struct gen_error *err) {
    struct error_quoted quoted[2];
    char names[200];
    json_list_members(names, sizeof names, object);
    return error_set(err, GEN_BAD_FILE,
                     "%s must be an object with the texts \"%.60s\" and \"%.60s\" (or "
                     "\"instruction\" and \"output\"), or with the list \"messages\" or "
                     "\"conversations\", one of these; it has %s",
                     where, error_quote(&quoted[0], prompt, strlen(prompt)),
                     error_quote(&quoted[1], completion, strlen(completion)), names);
}

enum gen_status pair_record_read(struct pair_record *record, const cJSON *object,
                                 const char *prompt_field, const char *completion_field,
                                 const char *where, struct gen_error *err) {
    prompt_field = prompt_field != NULL ? prompt_field : "prompt";
    completion_field = completion_field != NULL ? completion_field : "completion";
    const cJSON *prompt = json_member(object, prompt_field);
    const cJSON *completion = json_member(object, completion_field);
    const cJSON *messages = json_member(object, "messages");
    const cJSON *conversations = json_member(object, "conversations");
    const cJSON *instruction = json_member(object, "instruction");
    const cJSON *input = json_member(object, "input");
    const cJSON *output = json_member(object, "output");
    bool pair = cJSON_IsString(prompt) && cJSON_IsString(completion);
    bool alpaca = !pair && cJSON_IsString(instruction) && cJSON_IsString(output) &&
                  (input == NULL || cJSON_IsNull(input) || cJSON_IsString(input));
    *record = (struct pair_record){.role = "role", .content = "content"};
    if (pair) {
        record->prompt = prompt->valuestring;
        record->completion = completion->valuestring;
    } else if (alpaca) {
        record->prompt = instruction->valuestring;
        record->completion = output->valuestring;
        record->instructs = true;
        const char *text = cJSON_GetStringValue(input);
        record->input = text != NULL && *text != '\0' ? text : NULL;
    } else if (cJSON_IsArray(messages)) {
        record->messages = messages;
    } else if (cJSON_IsArray(conversations)) {
        record->messages = conversations;
        record->role = "from";
        record->content = "value";
    }
    bool half = !pair && !alpaca && (prompt != NULL || completion != NULL);
    int n_lists = (messages != NULL) + (conversations != NULL);
    if (n_lists + (pair || alpaca) != 1 || half ||
        (record->prompt == NULL && record->messages == NULL)) {
        return unknown(object, prompt_field, completion_field, where, err);
    }
    return GEN_OK;
}

const char *pair_record_role(const struct pair_record *record, const char *role) {
    static const char *const names[][2] = {{"human", "user"}, {"gpt", "assistant"}};
    for (size_t i = 0; strcmp(record->role, "from") == 0 && i < 2; i++) {
        if (strcmp(role, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return role;
}
