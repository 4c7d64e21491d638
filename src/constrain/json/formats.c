/**
 * formats.c - the formats of strings that are known, as regular expressions.
 */
#include <string.h>

#include "base/size.h"
#include "constrain/json/forms.h"

#define DAY_OF_MONTH                                                                               \
    "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|"            \
    "02-(0[1-9]|1\\d|2[0-8]))|(\\d\\d(0[48]|[2468][048]|[13579][26])|"                             \
    "([02468][048]|[13579][26])00)-02-29)"
#define TIME_OF_DAY "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"
#define HOST_LABEL  "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define BYTE        "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define GROUP       "[0-9A-Fa-f]{1,4}"

static const struct {
    const char *name, *regex;
} formats[] = {
    {"date", "^" DAY_OF_MONTH "$"},
    {"time", "^" TIME_OF_DAY "$"},
    {"date-time", "^" DAY_OF_MONTH "T" TIME_OF_DAY "$"},
    {"duration", "^P(\\d+W|(\\d+Y(\\d+M(\\d+D)?)?|\\d+M(\\d+D)?|\\d+D)"
                 "(T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+S))?|"
                 "T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+S))$"},
    {"uuid", "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"},
    {"email", "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@" HOST_LABEL
              "(\\." HOST_LABEL ")*$"},
    {"hostname", "^" HOST_LABEL "(\\." HOST_LABEL ")*$"},
    {"ipv4", "^" BYTE "(\\." BYTE "){3}$"},
    {"ipv6", "^((" GROUP ":){7}" GROUP "|(" GROUP ":){1,7}:|(" GROUP ":){1,6}:" GROUP "|(" GROUP
             ":){1,5}(:" GROUP "){1,2}|(" GROUP ":){1,4}(:" GROUP "){1,3}|(" GROUP ":){1,3}(:" GROUP
             "){1,4}|(" GROUP ":){1,2}(:" GROUP "){1,5}|" GROUP ":(:" GROUP "){1,6}|:((:" GROUP
             "){1,7}|:))$"},
    {"uri", "^[A-Za-z][A-Za-z0-9+.-]*:([A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$"},
    {"json-pointer", "^(/([^~/]|~[01])*)*$"},
};

const char *schema_format_regex(const char *name) {
    for (size_t i = 0; i < N_OF(formats); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return formats[i].regex;
        }
    }
    return NULL;
}
