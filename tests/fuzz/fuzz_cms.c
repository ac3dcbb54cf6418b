/*
 * Detached CMS signatures of decisions: DER, or text when it does not begin with a SEQUENCE. What is read is small, has a usable signer and is
 * read the same from its own PEM; nothing that is made up here is a signature over what nobody has signed.
 */
#include "fuzz.h"

#include <string.h>

#include <openssl/err.h>

#include "base/cms.h"
#include "base/limits.h"

/* The seeds are signatures over "approve". */
#define NEVER_SIGNED "reject"

static void check_read(const ra_cms_t *cms, apr_pool_t *pool)
{
    const char *wrong;
    ra_cms_t *again = NULL;

    FUZZ_MUST(cms->der.len > 0 && cms->der.len <= RA_CMS_MAX_BYTES);
    FUZZ_MUST(cms->signer->key.kind == RA_KEY_RSA || cms->signer->key.kind == RA_KEY_EC_P256);
    FUZZ_MUST(ra_cms_read(&again, ra_cms_pem(cms->der, pool), &wrong, pool) == APR_SUCCESS);
    FUZZ_MUST(ra_bytes_equal(again->der, cms->der) && ra_bytes_equal(again->signer->der, cms->signer->der));
    FUZZ_MUST(memcmp(again->sha256, cms->sha256, sizeof(cms->sha256)) == 0);
    FUZZ_MUST(!ra_cms_is_over(cms, ra_bytes_text(NEVER_SIGNED)));
    ra_cms_is_over(cms, ra_bytes_text("approve"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    const char *wrong = NULL, *text = size > 0 && data[0] == 0x30 ? ra_cms_pem(ra_bytes_of(data, size), pool) : fuzz_text(data, size);
    ra_cms_t *cms = NULL;
    apr_status_t status = ra_cms_read(&cms, text, &wrong, pool);

    FUZZ_MUST(ERR_peek_error() == 0);
    if (status == APR_SUCCESS) {
        FUZZ_MUST(wrong == NULL);
        check_read(cms, pool);
        FUZZ_MUST(ERR_peek_error() == 0);
    } else {
        FUZZ_MUST(status == APR_EINVAL && wrong != NULL && cms == NULL);
    }
    return 0;
}
