/*
 * What every fuzz target shares. A target is one file fuzz_X.c with LLVMFuzzerTestOneInput(); libFuzzer calls it with made-up
 * bytes (`make fuzz`), replay.c with the files of corpus/X (`make check-fuzz`). A broken promise ends the program.
 * Thread rule: one thread.
 */
#ifndef RA_TESTS_FUZZ_H
#define RA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "api/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** The promise is kept, or the program ends with its text. */
#define FUZZ_MUST(promise) ((promise) ? (void)0 : fuzz_broken(#promise, __FILE__, __LINE__))
void fuzz_broken(const char *promise, const char *file, int line) __attribute__((noreturn));

/** An empty pool for one input; the one before is gone. */
apr_pool_t *fuzz_begin(void);
/** A pool that stays. */
apr_pool_t *fuzz_lasting(void);

/** Gives everything back, so that what is left is a leak. Nothing may be called afterwards. */
void fuzz_end(void);

/** The bytes up to the first NUL as text, on the heap so that reading past the end is seen; the next fuzz_begin() frees it. */
const char *fuzz_text(const uint8_t *data, size_t size);

/**
 * Cuts the next line off the input: it ends at a line feed or at the end.
 * @return the line as fuzz_text() makes it; "" at the end
 */
const char *fuzz_line(const uint8_t **pdata, size_t *psize);

/** UTF-8 without control characters? */
int fuzz_is_printable(const char *text);

/** The API document as built, loaded once, bound to handlers that are never called. */
const ra_spec_t *fuzz_spec(void);
/** A binding for every operationId of a document. */
const ra_binding_t *fuzz_bindings(const ra_json_t *document, apr_pool_t *pool);

/** A keyring of one constant key. */
const ra_keyring_t *fuzz_keyring(void);

/** A refusal says why, and its violations stay within their number. */
void fuzz_check_refusal(const ra_result_t *result);

#endif
