/* Lists with weights (see weights.h). Layer: api. Thread rule: free-threaded. */
#include "api/weights.h"

#include <string.h>
#include <strings.h>

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

/* qvalue of RFC 9110: 0, 0.123, 1, 1.000; -1 when it is none. *ptext goes behind it. */
static int read_qvalue(const char **ptext)
{
    const char *text = *ptext;
    int value = (*text - '0') * 1000, unit = 100;

    if (*text != '0' && *text != '1') {
        return -1;
    }
    if (*++text == '.') {
        for (text++; *text >= '0' && *text <= '9' && unit > 0; text++, unit /= 10) {
            value += (*text - '0') * unit;
        }
    }
    *ptext = text;
    return value <= 1000 ? value : -1;
}

/* One parameter "; name=value" up to the next ';' or the end; quoted values may hold both. NULL: malformed. */
static const char *read_parameter(const char *text, ra_weighted_t *element)
{
    text = skip_space(text);
    if ((*text == 'q' || *text == 'Q') && text[1] == '=') {
        text += 2;
        element->weight = read_qvalue(&text);
        text = skip_space(text);
        return element->weight >= 0 && (*text == '\0' || *text == ',' || *text == ';') ? text : NULL;
    }
    while (*text && *text != ',' && *text != ';') {
        if (*text == '"') {
            for (text++; *text && *text != '"'; text++) {
                text += *text == '\\' && text[1];
            }
            if (!*text) {
                return NULL;
            }
        }
        text++;
    }
    return text;
}

static const char *read_element(const char *text, ra_weighted_t *element)
{
    element->text = text;
    element->len = strcspn(text, " \t,;");
    element->weight = 1000;
    text = skip_space(text + element->len);
    while (text && *text == ';') {
        text = read_parameter(text + 1, element);
    }
    return text && element->len > 0 && (*text == '\0' || *text == ',') ? text : NULL;
}

int ra_weighted_next(ra_weighted_t *element, const char **prest)
{
    const char *text = *prest;

    while (text && *text) {
        const char *start = text + strspn(text, " \t,"), *end;
        if (!*start) {
            break;
        }
        end = read_element(start, element);
        text = end ? end : start + strcspn(start, ",");
        if (end) {
            *prest = text;
            return 1;
        }
    }
    *prest = NULL;
    return 0;
}
