/*
 * The real API document for unit tests: bundled once from api-spec/, loaded whole or with a change (an RFC 7396 merge
 * patch).
 */
#ifndef RA_TESTS_SPEC_FIXTURE_H
#define RA_TESTS_SPEC_FIXTURE_H

#include "api/spec.h"
#include "unit.h"

/** Its JSON tree, in @a pool. */
ra_json_t *fixture_document(apr_pool_t *pool);
/** A binding for every operation of a document; the handlers refuse to be called. */
const ra_binding_t *fixture_bindings(const ra_json_t *document, apr_pool_t *pool);
/** Loads a document from a tree. NULL with *perror when it is refused. */
ra_spec_t *fixture_load(const ra_json_t *document, const ra_binding_t *bindings, const char **perror, apr_pool_t *pool);
/** The real document, loaded; the test fails when it is refused. */
ra_spec_t *fixture_spec(apr_pool_t *pool);

#endif
