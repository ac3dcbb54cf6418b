/*
 * Flat JSON objects (text and integers, no nesting): lines of the ledger and bodies of the control port.
 * The development CA stands apart from mod_ra, so that it can be a witness against it: nothing of mod_ra is used here.
 */
#ifndef DEVCA_FLATJSON_H
#define DEVCA_FLATJSON_H

#include <stddef.h>

/** One object being written. Start with json_start(); the text belongs to the struct until json_free(). */
typedef struct json_out_t {
    char *text;
    size_t len;
    size_t room;
} json_out_t;

void json_start(json_out_t *out);
void json_add_text(json_out_t *out, const char *name, const char *value); /* UTF-8; NULL writes "" */
void json_add_int(json_out_t *out, const char *name, long long value);
void json_add_bool(json_out_t *out, const char *name, int value);
void json_add_raw(json_out_t *out, const char *name, const char *json);
void json_end(json_out_t *out);
void json_free(json_out_t *out);

/** The text of a member, malloc'ed, or NULL when absent or not text. */
char *json_get_text(const char *object, const char *name);
/** The integer (true = 1, false = 0) of a member, or @a fallback. */
long long json_get_int(const char *object, const char *name, long long fallback);
/** Is it one flat object and nothing more? */
int json_is_flat(const char *object);

#endif
