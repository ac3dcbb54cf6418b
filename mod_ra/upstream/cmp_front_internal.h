/*
 * What the files of the CMP front share. Nobody else includes it.
 *   cmp_front.c       authenticates a message, brings a server of OpenSSL's to where the transaction stands, answers
 *   cmp_front_ask.c   what OpenSSL's server asks meanwhile
 *   cmp_front_view.c  parts of a message that OpenSSL 3.0 has no getter for
 * Layer: upstream. Thread rule: a front_t belongs to one call.
 */
#ifndef RA_UPSTREAM_CMP_FRONT_INTERNAL_H
#define RA_UPSTREAM_CMP_FRONT_INTERNAL_H

#include "upstream/cmp_front.h"
#include "upstream/cmp_front_view.h"
#include "upstream/cmp_internal.h"

/** Message types beside those of cmp_internal.h. */
enum { FRONT_IR = 0, FRONT_IP = 1, FRONT_KUR = 7, FRONT_KUP = 8, FRONT_PKICONF = 19 };

typedef struct front_t {
    const ra_cmp_t *cmp;
    const ra_cmp_callbacks_t *callbacks;
    apr_pool_t *pool;
    OSSL_CMP_MSG *message;
    int type;
    ra_cmp_head_t head;
    ra_cmp_known_t known;
    X509 *signer; /* of a signed message, verified */
    OSSL_CMP_SRV_CTX *srv;
    OSSL_CMP_CTX *ctx; /* of srv */
    int is_settled;    /* standing is what the request comes to: decide() is not asked */
    ra_cmp_standing_t standing;
    int asked;            /* OpenSSL came as far as the request */
    int is_accepted;      /* what certConf says */
    apr_status_t trouble; /* of a callback */
} front_t;

/** Exactly one message, or NULL. */
OSSL_CMP_MSG *ra_front_decode(ra_bytes_t bytes);
/** NULL when it cannot be read. */
X509 *ra_front_read_cert(ra_bytes_t der);
/** Makes front->srv and front->ctx, which asks through the functions of cmp_front_ask.c. @return 0 on failure */
int ra_front_make_server(front_t *front);

#endif
