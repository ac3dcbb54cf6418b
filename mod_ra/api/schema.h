/*
 * JSON Schema (2020-12 as OpenAPI 3.1 uses it), compiled: the keywords that the document uses, never silently fewer.
 * Keywords: $ref (resolved at compile time) type (string or array) enum const properties required additionalProperties(false or schema) propertyNames minProperties maxProperties
 * items prefixItems minItems maxItems uniqueItems minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
 * allOf oneOf anyOf if then else dependentRequired; annotations title description example(s) default deprecated readOnly writeOnly $comment x-*.
 * x-ra-later: true beside them: it is checked that the value is an object and nothing else; whoever takes it checks the rest (rows of a bulk operation).
 * Formats asserted: uuid date date-time uri email ra-application-number ra-social-security-number ra-national-id ra-uscc ra-organisation-code ra-sha256 ra-region
 * ra-region-prefix.
 * Lengths count code points.
 * Layer: api. Thread rule: compiled schemas are immutable.
 */
#ifndef RA_API_SCHEMA_H
#define RA_API_SCHEMA_H

#include "base/json.h"
#include "base/result.h"

typedef struct ra_schema_t ra_schema_t;

typedef enum {
    RA_SCHEMA_REQUEST, /* objects with properties must be closed (additionalProperties: false, or unevaluated by allOf of one closed object) */
    RA_SCHEMA_ANSWER
} ra_schema_use_e;

/** Compiles the schema at @a pointer of the document. APR_EINVAL with *perror in @a pool. */
apr_status_t ra_schema_compile(ra_schema_t **pschema, const ra_json_t *document, const char *pointer, ra_schema_use_e use, const char **perror,
                               apr_pool_t *pool);

/**
 * Checks a value; every violation is added to @a result with its pointer below @a base ("" for a body, "query:limit" for a parameter).
 * No problem is set. @return 1 valid, 0 not
 */
int ra_schema_check(const ra_schema_t *schema, const ra_json_t *value, const char *base, ra_result_t *result);

/** Reads the text of a parameter as the type its schema wants (integer, boolean, string) into object[name]; 0 when it is not of that type. */
int ra_schema_read_text(const ra_schema_t *schema, ra_json_t *object, const char *name, const char *text);

#endif
