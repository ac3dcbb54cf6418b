/*
 * The formats that schemas may name, each with its check and the violation code of its text.
 * Layer: api. Thread rule: constant data, free-threaded.
 */
#ifndef RA_API_FORMATS_H
#define RA_API_FORMATS_H

typedef struct ra_format_t {
    const char *name;                  /* as in the document */
    int (*is_valid)(const char *text); /* of valid UTF-8 */
    const char *violation;             /* RA_VIOLATION_FORMAT_… */
} ra_format_t;

/** NULL when there is no such format. */
const ra_format_t *ra_format_find(const char *name);

#endif
