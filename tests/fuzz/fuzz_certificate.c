/*
 * Certificates: DER, or text when it does not begin with a SEQUENCE. What is read has printable names, is read the same from its own
 * PEM, and equals its own list of attributes.
 */
#include "fuzz.h"

#include <string.h>

#include <openssl/err.h>

#include "base/limits.h"
#include "base/x509.h"

static void check_name(const ra_name_t *name)
{
    FUZZ_MUST(name->text != NULL && name->count >= 0);
    FUZZ_MUST(fuzz_is_printable(name->text));
    for (int i = 0; i < name->count; i++) {
        FUZZ_MUST(fuzz_is_printable(name->rdns[i].type) && fuzz_is_printable(name->rdns[i].value));
        FUZZ_MUST(ra_name_get(name, name->rdns[i].type) != NULL);
    }
    FUZZ_MUST(ra_name_equal(name, name->rdns, name->count) == !name->multivalued);
}

static void check_cert(const ra_cert_t *cert, apr_pool_t *pool)
{
    unsigned char digest[RA_SHA256_BYTES];

    check_name(&cert->issuer);
    check_name(&cert->subject);
    FUZZ_MUST(cert->der.len <= RA_CERT_MAX_BYTES);
    ra_sha256(digest, cert->der.data, cert->der.len);
    FUZZ_MUST(memcmp(digest, cert->sha256, sizeof(digest)) == 0);
    FUZZ_MUST(*cert->serial && strspn(cert->serial, "0123456789ABCDEF") == strlen(cert->serial));
    for (const char **name = cert->dns_names; *name; name++) {
        FUZZ_MUST(fuzz_is_printable(*name));
    }
    for (const char **name = cert->ip_names; *name; name++) {
        FUZZ_MUST(strspn(*name, "0123456789abcdefABCDEF:.") == strlen(*name));
    }
    FUZZ_MUST(cert->other_names >= 0 && cert->key_usage != NULL && cert->ext_key_usage != NULL);

    ra_cert_t *again = NULL;
    FUZZ_MUST(ra_cert_parse_pem(&again, ra_cert_pem(cert->der, pool), ra_result_make(pool), pool) == APR_SUCCESS);
    FUZZ_MUST(ra_bytes_equal(again->der, cert->der) && strcmp(again->subject.text, cert->subject.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    ra_result_t *result = ra_result_make(pool);
    ra_cert_t *cert = NULL;
    apr_status_t status = size > 0 && data[0] == 0x30 ? ra_cert_parse(&cert, ra_bytes_of(data, size), result, pool)
                                                      : ra_cert_parse_pem(&cert, fuzz_text(data, size), result, pool);

    FUZZ_MUST(ERR_peek_error() == 0);
    FUZZ_MUST(result->problem == NULL);
    if (status == APR_SUCCESS) {
        check_cert(cert, pool);
    } else {
        FUZZ_MUST(status == APR_EINVAL && result->log_detail != NULL);
    }
    return 0;
}
