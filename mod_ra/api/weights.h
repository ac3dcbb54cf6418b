/*
 * Lists with weights: Accept, Accept-Language (RFC 9110 §12.4.2).
 * Layer: api. Thread rule: free-threaded.
 */
#ifndef RA_API_WEIGHTS_H
#define RA_API_WEIGHTS_H

#include <apr.h>

/* One element: its first part, without parameters. */
typedef struct ra_weighted_t {
    const char *text; /* inside of the header, not terminated */
    apr_size_t len;
    int weight; /* q × 1000; 1000 when not given */
} ra_weighted_t;

/**
 * Reads the next element. Elements that are malformed are passed over.
 * @param prest in and out: what is left of the header; may point to NULL
 * @return 1, or 0 at the end
 */
int ra_weighted_next(ra_weighted_t *element, const char **prest);

#endif
