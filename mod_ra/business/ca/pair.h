/*
 * Dual certificates 双证书 (domain.md §18.10, §18.13): one application yields a certificate for signing, whose key the subscriber made, and one for encryption,
 * whose key is made here and handed out in an envelope to the signing key. Two attempts at the CA, one after the other: the second is queued in the COMMIT that
 * stores the signing certificate. Layer: business. All functions but ra_pair_key_make() run inside the caller's transaction.
 *
 * The private key is sealed at rest from its birth until the hand-over is recorded, then erased; the RA keeps none to recover (that is the key management
 * centre's task).
 */
#ifndef RA_BUSINESS_PAIR_H
#define RA_BUSINESS_PAIR_H

#include "base/x509.h"
#include "business/application/application.h"

#define RA_USAGE_PAIR "pair"

/* In SQL, of an application `a`: its signing certificate is revoked before the other one was made, so there will be no other. */
#define RA_PAIR_IS_STUCK                                                                                               \
    "(a.cert_usage = 'pair' AND EXISTS (SELECT 1 FROM certificates c WHERE c.id = a.certificate_id AND c.revoked_at IS NOT NULL))"
/* Has the key of the encryption certificate been handed out, where there is one? */
#define RA_PAIR_KEY_FETCHED                                                                                            \
    "(a.cert_usage <> 'pair' OR EXISTS (SELECT 1 FROM encryption_keys k WHERE k.application_id = a.id AND k.fetches > 0))"

int ra_pair_is(const ra_application_t *application);

/** The signing certificate is made and the encryption certificate is not: nothing may be asked of the CA but the second. */
int ra_pair_is_half_made(const ra_application_t *application);

/** May this kind of certificate be applied for as a pair? RA_EREFUSED with RA_PROBLEM_PAIR_NOT_OFFERED. */
apr_status_t ra_pair_check_kind(const ra_act_t *act, ra_kind_e kind, const char *usage);
/** The same for the algorithms of the entry: CMS reaches RSA and P-256 only. */
apr_status_t ra_pair_check_algorithms(const ra_act_t *act, const ra_application_t *application, const ra_json_t *algorithms);

/** The encryption key, made but not yet stored. */
typedef struct ra_pair_key_t {
    ra_bytes_t spki;
    ra_bytes_t sealed; /* PKCS#8 */
} ra_pair_key_t;

/** Makes and seals a key of the same kind as the signing key. Slow (RSA): to be called outside of a transaction. */
apr_status_t ra_pair_key_make(ra_pair_key_t *key, const ra_t *ra, const char *application_id, ra_key_kind_e kind, apr_pool_t *pool);

/** May codes be drawn for it? RA_EREFUSED with _CERTIFICATE_STATE for a pair whose signing certificate is revoked. */
apr_status_t ra_pair_check_not_stuck(const ra_act_t *act, const ra_application_t *application);

/** The signing certificate (application->certificate_id) is stored: stores the key, queues the second attempt, and notes it in the history. */
apr_status_t ra_pair_begin(const ra_act_t *act, ra_application_t *application, const ra_pair_key_t *made);

/**
 * The encryption key for another attempt, after one that failed.
 * @param presented key of the request that came with the codes: it must be the signing certificate's. RA_EREFUSED with _KEY_NOT_ALLOWED, _CERTIFICATE_STATE
 */
apr_status_t ra_pair_key_again(ra_key_t *key, const ra_act_t *act, const ra_application_t *application, const ra_key_t *presented);

/** The encryption certificate is stored. */
apr_status_t ra_pair_finish(const ra_act_t *act, const ra_application_t *application, const char *certificate_id);

/** The EncryptionKey of the API: the private key in an envelope to the signing key. RA_EREFUSED with _ENCRYPTION_KEY_ABSENT. */
apr_status_t ra_pair_fetch(ra_json_t **panswer, const ra_act_t *act, const ra_application_t *application);

/** The hand-over ends the key's life here. RA_EREFUSED with _ENCRYPTION_KEY_NOT_FETCHED. Nothing for applications of one certificate. */
apr_status_t ra_pair_hand_over(const ra_act_t *act, const ra_application_t *application);

/** A half-made pair is withdrawn only when its signing certificate is revoked; the key is erased. RA_EREFUSED with _PAIR_HALF_MADE. */
apr_status_t ra_pair_withdraw(const ra_act_t *act, const ra_application_t *application);

#endif
