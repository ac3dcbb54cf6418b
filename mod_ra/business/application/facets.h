/*
 * Facets: how many rows of a list there are of each value of one of its filters, under the other filters. The caller's SELECT has a bounded
 * piece of each value of one of them, so that the time does not grow with the register. Layer: business. Thread rule: none of its own.
 */
#ifndef RA_BUSINESS_FACETS_H
#define RA_BUSINESS_FACETS_H

#include <apr_tables.h>

#include "base/json.h"

#define RA_FACET_COUNT_MAX 1000 /* rows of one piece */

/**
 * Where the pieces end: `more` tells of each group whether there was more of its piece than was counted. Behind the other columns of a SELECT
 * that is grouped by @a piece among others; each piece is read with LIMIT RA_FACET_COUNT_MAX + 1, which is the value of its `?`.
 */
#define RA_FACET_MORE(piece) ", SUM(COUNT(*)) OVER (PARTITION BY " piece ") >= ? AS more"

/** One filter with its values. */
typedef struct ra_facet_t {
    const char *name;         /* of the list in the answer */
    const char *member;       /* of the rows, which has the value */
    const char *count;        /* of the rows, which has how many there are under the filters that are no facet */
    const char *other_member; /* of the rows: the facet that is filtered by */
    const char *other;        /* its value; NULL: any */
} ra_facet_t;

/** Adds the list of the facet, [{key, count, more}] in the order of @a keys (of const char *); what there is none of is absent. */
void ra_facet_add(ra_json_t *counts, const ra_json_t *rows, const ra_facet_t *facet, const apr_array_header_t *keys);

/** The values that the rows have, in their order. */
apr_array_header_t *ra_facet_keys(const ra_json_t *rows, const char *member, apr_pool_t *pool);

#endif
