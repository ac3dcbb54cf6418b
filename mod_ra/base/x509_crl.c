/*
 * Certificate revocation lists (see x509_crl.h).
 * Layer: base. Thread rule: free-threaded; OpenSSL's error queue is left empty. Functions that return `const char *` give a reason, or NULL.
 */
#include "base/x509_crl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/der.h"
#include "base/sm2.h"
#include "base/x509_internal.h"

#define NUMBER_DIGITS 40 /* RFC 5280 §5.2.3: at most 20 octets */
#define REASON_REMOVE 8

/* --- the parts -------------------------------------------------------------------------------------------------- */

static const char *read_time(apr_time_t *ptime, const ASN1_TIME *from)
{
    struct tm fields;

    if (!from || ASN1_TIME_to_tm(from, &fields) != 1) {
        return "a time of the CRL is unreadable";
    }
    *ptime = apr_time_from_sec(timegm(&fields));
    return NULL;
}

static const char *hex_of(const ASN1_INTEGER *integer, apr_pool_t *pool)
{
    BIGNUM *number = integer ? ASN1_INTEGER_to_BN(integer, NULL) : NULL;
    char *hex = number && !BN_is_negative(number) ? BN_bn2hex(number) : NULL;
    const char *text = hex ? BN_is_zero(number) ? "00" : apr_pstrdup(pool, hex) : NULL;

    OPENSSL_free(hex);
    BN_free(number);
    return text;
}

static const char *read_number(ra_crl_t *crl, const X509_CRL *from, apr_pool_t *pool)
{
    ASN1_INTEGER *integer = X509_CRL_get_ext_d2i(from, NID_crl_number, NULL, NULL);
    const char *hex = hex_of(integer, pool);
    apr_size_t len = hex ? strlen(hex) : 0;
    char *padded = apr_palloc(pool, NUMBER_DIGITS + 1);

    ASN1_INTEGER_free(integer);
    if (!hex || len > NUMBER_DIGITS) {
        return "the CRL has no number, or one that is too long";
    }
    memset(padded, '0', NUMBER_DIGITS);
    memcpy(padded + NUMBER_DIGITS - len, hex, len + 1);
    crl->number = padded;
    return NULL;
}

/* A delta, or a list of only some certificates or reasons, would make us believe that the others are good. */
static const char *check_extensions(const X509_CRL *from)
{
    if (X509_CRL_get_ext_by_NID(from, NID_delta_crl, -1) >= 0) {
        return "it is a delta CRL";
    }
    if (X509_CRL_get_ext_by_NID(from, NID_issuing_distribution_point, -1) >= 0) {
        return "it covers only a part of the certificates (issuingDistributionPoint)";
    }
    return X509_CRL_get_ext_by_critical(from, 1, -1) >= 0 ? "it has a critical extension that is not understood" : NULL;
}

static const char *read_entry(ra_crl_entry_t *entry, const X509_REVOKED *from, apr_pool_t *pool)
{
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(from, NID_crl_reason, NULL, NULL);

    entry->reason = reason ? (int)ASN1_ENUMERATED_get(reason) : 0;
    ASN1_ENUMERATED_free(reason);
    entry->serial = hex_of(X509_REVOKED_get0_serialNumber(from), pool);
    if (!entry->serial) {
        return "a serial number of the CRL is unreadable";
    }
    if (X509_REVOKED_get_ext_by_critical(from, 1, -1) >= 0) {
        return "an entry has a critical extension (an indirect CRL)";
    }
    return read_time(&entry->revoked_at, X509_REVOKED_get0_revocationDate(from));
}

static int by_serial(const void *a, const void *b)
{
    return strcmp(((const ra_crl_entry_t *)a)->serial, ((const ra_crl_entry_t *)b)->serial);
}

static const char *read_entries(ra_crl_t *crl, X509_CRL *from, apr_pool_t *pool)
{
    STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(from);
    int total = list ? sk_X509_REVOKED_num(list) : 0;
    ra_crl_entry_t *entries = apr_palloc(pool, sizeof(*entries) * ((apr_size_t)total + 1));
    const char *reason = NULL;

    for (int i = 0; i < total && !reason; i++) {
        reason = read_entry(&entries[crl->count], sk_X509_REVOKED_value(list, i), pool);
        crl->count += entries[crl->count].reason != REASON_REMOVE;
    }
    qsort(entries, (size_t)crl->count, sizeof(*entries), by_serial);
    crl->entries = entries;
    return reason;
}

static const char *read_crl(ra_crl_t *crl, X509_CRL *from, apr_pool_t *pool)
{
    ra_name_t issuer = {0};
    const char *reason = check_extensions(from);

    if (!reason) {
        reason = ra_x509_read_name(&issuer, X509_CRL_get_issuer(from), pool);
    }
    if (!reason) {
        crl->issuer = issuer.text;
        reason = read_number(crl, from, pool);
    }
    if (!reason) {
        reason = read_time(&crl->this_update, X509_CRL_get0_lastUpdate(from));
    }
    if (!reason && X509_CRL_get0_nextUpdate(from)) {
        reason = read_time(&crl->next_update, X509_CRL_get0_nextUpdate(from));
    }
    return reason ? reason : read_entries(crl, from, pool);
}

/* --- the signature ---------------------------------------------------------------------------------------------- */

static int is_weak(const X509_CRL *crl)
{
    int digest = NID_undef, key = NID_undef;

    OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), &digest, &key);
    return digest == NID_md5 || digest == NID_sha1;
}

static int is_signer(X509 *ca, X509_CRL *crl)
{
    return X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) == 0 && X509_check_ca(ca) > 0 &&
           (X509_get_key_usage(ca) & KU_CRL_SIGN) && ra_sm2_crl_verify(crl, X509_get0_pubkey(ca)) == 1;
}

static const char *verify(X509_CRL *crl, const ra_trust_t *trust)
{
    STACK_OF(X509) *trusted = ra_x509_trusted(trust);
    int found = 0;

    for (int i = 0; !found && i < sk_X509_num(trusted); i++) {
        found = is_signer(sk_X509_value(trusted, i), crl);
    }
    sk_X509_pop_free(trusted, X509_free);
    return !found ? "no trusted CA has signed the CRL" : is_weak(crl) ? "the CRL is signed with MD5 or SHA-1" : NULL;
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static apr_status_t refuse(ra_result_t *result, const char *reason)
{
    result->log_detail = apr_pstrdup(result->pool, reason);
    return APR_EINVAL;
}

static apr_status_t to_der(ra_bytes_t *pder, ra_bytes_t bytes, apr_pool_t *pool)
{
    static const char *const labels[] = {"X509 CRL", NULL};

    *pder = bytes;
    return bytes.len > 0 && bytes.data[0] == '-' ? ra_pem_read(pder, apr_pstrmemdup(pool, (const char *)bytes.data, bytes.len), labels, pool) : APR_SUCCESS;
}

apr_status_t ra_crl_open(const ra_crl_t **pcrl, ra_bytes_t bytes, const ra_trust_t *trust, ra_result_t *result, apr_pool_t *pool)
{
    ra_crl_t *crl = apr_pcalloc(pool, sizeof(*crl));
    const unsigned char *at;
    const char *reason = NULL;
    X509_CRL *from;

    *pcrl = NULL;
    if (to_der(&crl->der, bytes, pool) != APR_SUCCESS || !ra_der_is_exact(crl->der)) {
        return refuse(result, "it is not exactly one CRL in DER or PEM");
    }
    ERR_clear_error();
    at = crl->der.data;
    from = d2i_X509_CRL(NULL, &at, (long)crl->der.len);
    reason = from ? verify(from, trust) : "it is not a CRL";
    if (!reason) {
        reason = read_crl(crl, from, pool);
    }
    X509_CRL_free(from);
    ERR_clear_error();
    if (reason) {
        return refuse(result, reason);
    }
    ra_sha256(crl->sha256, crl->der.data, crl->der.len);
    *pcrl = crl;
    return APR_SUCCESS;
}

const ra_crl_entry_t *ra_crl_find(const ra_crl_t *crl, const char *serial)
{
    ra_crl_entry_t wanted = {serial, 0, 0};

    return bsearch(&wanted, crl->entries, (size_t)crl->count, sizeof(wanted), by_serial);
}

const char *ra_crl_reason_word(int reason)
{
    static const char *const words[] = {"unspecified", "key_compromise", "ca_compromise", "affiliation_changed", "superseded", "cessation_of_operation",
                                        "certificate_hold", "unspecified", "unspecified", "privilege_withdrawn", "aa_compromise"};

    return words[reason >= 0 && reason < (int)(sizeof(words) / sizeof(words[0])) ? reason : 0];
}
