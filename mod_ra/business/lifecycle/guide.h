/*
 * The handling guide 办事指南 of a business: what a subscriber must know and bring, said from the table of businesses and nowhere else (domain.md §2-§8).
 * Layer: business. Pure. Thread rule: constant data.
 */
#ifndef RA_BUSINESS_GUIDE_H
#define RA_BUSINESS_GUIDE_H

#include "business/lifecycle/lifecycle.h"

typedef struct ra_guide_line_t {
    const char *topic; /* "before" "bring" "fee" "after" */
    const char *zh;
    const char *en;
} ra_guide_line_t;

/** The next line that holds for the business; NULL past the last. @param pplace begins at 0, kept by the caller */
const ra_guide_line_t *ra_guide_next(const ra_business_t *business, int *pplace);

#endif
