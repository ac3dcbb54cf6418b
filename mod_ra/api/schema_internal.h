/*
 * A compiled schema, as schema_compile.c makes it and schema.c reads it. Nobody else includes this.
 * Layer: api. Thread rule: immutable once compiled.
 */
#ifndef RA_API_SCHEMA_INTERNAL_H
#define RA_API_SCHEMA_INTERNAL_H

#include "api/formats.h"
#include "api/schema.h"
#include "base/text.h"

/* Types of JSON Schema as a set; every integer is a number as well. */
enum {
    RA_TYPE_NULL = 1,
    RA_TYPE_BOOLEAN = 2,
    RA_TYPE_INTEGER = 4,
    RA_TYPE_NUMBER = 8,
    RA_TYPE_STRING = 16,
    RA_TYPE_ARRAY = 32,
    RA_TYPE_OBJECT = 64
};

typedef struct ra_schema_list_t {
    const ra_schema_t **items;
    int count;
} ra_schema_list_t;

typedef struct ra_names_t {
    const char **items;
    int count;
} ra_names_t;

/* A member of `properties`; they are sorted by name. */
typedef struct ra_property_t {
    const char *name;
    const ra_schema_t *schema;
} ra_property_t;

typedef struct ra_dependency_t {
    const char *name;
    ra_names_t required;
} ra_dependency_t;

/* A bound that may be absent. */
typedef struct ra_bound_t {
    int set;
    double value;
} ra_bound_t;

struct ra_schema_t {
    int nothing;             /* the schema `false` */
    unsigned types;          /* 0: every type */
    const char *type_names;  /* for the text: "string, null" */
    const ra_json_t *values; /* enum or const as an array; NULL: any */
    int is_constant;
    const char *value_names; /* for the text: "signing, encryption" */

    const ra_property_t *properties;
    int property_count;
    ra_names_t required;
    const ra_schema_t *additional; /* NULL: anything */
    const ra_schema_t *names;
    const ra_dependency_t *dependencies;
    int dependency_count;
    apr_int64_t min_members, max_members; /* -1: no limit; the same below */

    const ra_schema_t *items;
    ra_schema_list_t prefix_items;
    apr_int64_t min_items, max_items;
    int unique;

    apr_int64_t min_length, max_length;
    const ra_pattern_t *pattern;
    const ra_format_t *format;

    ra_bound_t minimum, maximum, above, below, multiple;

    ra_schema_list_t all_of, any_of, one_of;
    const char *one_of_names; /* any_of is "at least one of these members": their names; else NULL */
    const ra_schema_t *when, *then, *otherwise;
};

#endif
