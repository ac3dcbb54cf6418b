/*
 * The CMP server side against OpenSSL's CMP client, in one process: every message meets a front that remembers nothing
 * but what the callbacks stored, as another httpd child would.
 */
#include "unit.h"

#include <apr_file_io.h>
#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/limits.h"
#include "upstream/cmp_front.h"

#include "cert_fixture.h"

#define REFERENCE "0123456789AB"
#define SECRET "K7Q2M-4XYZ0-9ABCD-EFGHJ-KMNPQ"
#define SECRET_CLEAN "K7Q2M4XYZ09ABCDEFGHJKMNPQ"

enum { IR = 0, CR = 2, P10CR = 4, KUR = 7, RR = 11 };

/* What the RA would keep in its database, and what a test wants to happen. */
typedef struct world_t {
    apr_pool_t *pool;
    ra_ca_t *ca;
    X509 *signer;
    EVP_PKEY *signer_key;
    EVP_PKEY *key; /* the subscriber's */
    /* stored */
    ra_bytes_t transaction_id;
    ra_bytes_t request;
    ra_bytes_t nonces[2];
    ra_cmp_standing_t standing;
    ra_bytes_t own; /* the subscriber's certificate as it was issued, DER; empty: unknown */
    /* wished */
    ra_cmp_state_e first; /* what decide() says */
    apr_status_t trouble; /* what the next callback returns */
    int flip;             /* position of the byte to spoil in the first message, or -1 */
    int lose_reply;       /* the front's reply to the message of this number is lost, and the message sent again */
    /* seen */
    int messages;
    int found, wrong, decided, refused, confirmed, is_accepted, is_last;
    ra_cmp_wish_t wish;
    ra_bytes_t sent;  /* first message of the client */
    ra_bytes_t reply; /* last reply */
    const char *reference;
} world_t;

/* --- the RA's side ---------------------------------------------------------------------------------------------- */

static apr_status_t find(void *baton, const ra_cmp_head_t *head, ra_cmp_known_t *known)
{
    world_t *world = baton;

    world->found++;
    world->reference = head->reference;
    if (head->signer.len > 0 && ra_bytes_equal(head->signer, world->own)) {
        known->signer = world->own;
    } else if (head->reference != NULL && strcmp(head->reference, REFERENCE) == 0) {
        known->secrets[0] = ra_bytes_text(SECRET_CLEAN);
        known->secrets[1] = ra_bytes_text(SECRET);
    } else {
        return world->trouble;
    }
    if (world->request.len > 0 && ra_bytes_equal(world->transaction_id, head->transaction_id)) {
        known->request = world->request;
        known->nonces[0] = world->nonces[0];
        known->nonces[1] = world->nonces[1];
    } else {
        world->transaction_id = ra_bytes_copy(head->transaction_id, world->pool);
        world->sent = ra_bytes_copy(head->message, world->pool);
    }
    return world->trouble;
}

static apr_status_t count_wrong(void *baton)
{
    world_t *world = baton;

    world->wrong++;
    return world->trouble;
}

static EVP_PKEY *wished_key(const ra_cmp_wish_t *wish)
{
    const unsigned char *at = wish->spki.data;
    X509_REQ *csr;
    EVP_PKEY *key;

    if (wish->csr.len == 0) {
        return d2i_PUBKEY(NULL, &at, (long)wish->spki.len);
    }
    at = wish->csr.data;
    csr = d2i_X509_REQ(NULL, &at, (long)wish->csr.len);
    key = X509_REQ_get_pubkey(csr);
    X509_REQ_free(csr);
    return key;
}

static X509 *issue(EVP_PKEY *key, EVP_PKEY *by, const char *name)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0),
                     1);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 42);
    X509_set_issuer_name(cert, subject);
    X509_gmtime_adj(X509_getm_notBefore(cert), -10);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, by, EVP_sha256()) > 0);
    return cert;
}

/* The CA has made it. */
static void make_certificate(world_t *world)
{
    EVP_PKEY *key = wished_key(&world->wish);
    X509 *cert = issue(key, world->signer_key, "what the application says");
    apr_array_header_t *chain = apr_array_make(world->pool, 1, sizeof(ra_bytes_t));

    memset(&world->standing, 0, sizeof(world->standing));
    APR_ARRAY_PUSH(chain, ra_bytes_t) = cert_der(world->signer, world->pool);
    world->standing.state = RA_CMP_ISSUED;
    world->standing.certificate = cert_der(cert, world->pool);
    world->standing.chain = chain;
    X509_free(cert);
    EVP_PKEY_free(key);
}

static apr_status_t decide(void *baton, const ra_cmp_wish_t *wish, ra_cmp_standing_t *standing)
{
    world_t *world = baton;

    world->decided++;
    world->wish.csr = ra_bytes_copy(wish->csr, world->pool);
    world->wish.spki = ra_bytes_copy(wish->spki, world->pool);
    world->wish.kind = wish->kind;
    world->wish.reason = wish->reason;
    if (world->first == RA_CMP_ISSUED) {
        make_certificate(world);
    } else {
        world->standing = (ra_cmp_standing_t){.state = world->first,
                                              .check_after = 7,
                                              .failure = RA_CMP_FAIL_NOT_AUTHORIZED,
                                              .text = "these codes were used already"};
    }
    if (world->first != RA_CMP_REJECTED) {
        world->request = world->sent;
    }
    *standing = world->standing;
    return world->trouble;
}

static apr_status_t look(void *baton, ra_cmp_standing_t *standing)
{
    world_t *world = baton;

    *standing = world->standing;
    return world->trouble;
}

static apr_status_t confirm(void *baton, int is_accepted)
{
    world_t *world = baton;

    world->confirmed++;
    world->is_accepted = is_accepted;
    return world->trouble;
}

static apr_status_t reply(void *baton, ra_bytes_t nonce, ra_cmp_state_e state, int is_last)
{
    world_t *world = baton;

    assert_true(nonce.len == 16 && state != RA_CMP_REJECTED);
    world->nonces[1] = world->nonces[0];
    world->nonces[0] = ra_bytes_copy(nonce, world->pool);
    world->is_last = is_last;
    return world->trouble;
}

static apr_status_t refuse(void *baton, const char *why)
{
    world_t *world = baton;

    assert_non_null(why);
    world->refused++;
    return world->trouble;
}

static apr_status_t ask(world_t *world, ra_bytes_t message)
{
    ra_cmp_callbacks_t callbacks = {world, find, count_wrong, decide, look, confirm, reply, refuse};
    apr_status_t status = ra_cmp_front_answer(&world->reply, world->ca, message, &callbacks, world->pool);

    assert_true((status == APR_SUCCESS) == (world->reply.len > 0));
    assert_int_equal(ERR_peek_error(), 0);
    return status;
}

/* --- the tool's side -------------------------------------------------------------------------------------------- */

static OSSL_CMP_MSG *decode(ra_bytes_t bytes)
{
    const unsigned char *at = bytes.data;

    return d2i_OSSL_CMP_MSG(NULL, &at, (long)bytes.len);
}

static ra_bytes_t encode(const OSSL_CMP_MSG *message, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = i2d_OSSL_CMP_MSG(message, &der);
    ra_bytes_t bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);

    OPENSSL_free(der);
    return bytes;
}

static int type_of(ra_bytes_t bytes)
{
    OSSL_CMP_MSG *message = decode(bytes);
    int type = OSSL_CMP_MSG_get_bodytype(message);

    OSSL_CMP_MSG_free(message);
    return type;
}

static OSSL_CMP_MSG *carry(OSSL_CMP_CTX *ctx, const OSSL_CMP_MSG *request)
{
    world_t *world = OSSL_CMP_CTX_get_transfer_cb_arg(ctx);
    ra_bytes_t message = encode(request, world->pool);

    world->messages++;
    if (world->messages == 1) {
        world->sent = message;
    }
    if (world->messages == 1 && world->flip >= 0) {
        ((unsigned char *)message.data)[world->flip] ^= 0x20;
    }
    if (ask(world, message) != APR_SUCCESS) {
        return NULL;
    }
    if (world->lose_reply == world->messages) {
        ra_bytes_t lost = world->reply;
        assert_int_equal(ask(world, message), APR_SUCCESS);
        assert_int_equal(type_of(lost), type_of(world->reply));
        /* The first reply arrives after all. */
        return decode(lost);
    }
    return decode(world->reply);
}

static int keep_quiet(const char *func, const char *file, int line, OSSL_CMP_severity level, const char *text)
{
    (void)func;
    (void)file;
    (void)line;
    (void)level;
    (void)text;
    return 1;
}

static OSSL_CMP_CTX *bare_client(world_t *world)
{
    OSSL_CMP_CTX *ctx = OSSL_CMP_CTX_new(NULL, NULL);
    X509_NAME *name = X509_NAME_new();
    EVP_PKEY *key = world->key;

    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"what the tool says", -1, -1, 0);
    EVP_PKEY_up_ref(key);
    assert_true(OSSL_CMP_CTX_set_log_cb(ctx, keep_quiet) && OSSL_CMP_CTX_set_transfer_cb(ctx, carry) &&
                OSSL_CMP_CTX_set_transfer_cb_arg(ctx, world) && OSSL_CMP_CTX_set1_subjectName(ctx, name) &&
                OSSL_CMP_CTX_set0_newPkey(ctx, 1, key));
    X509_NAME_free(name);
    return ctx;
}

static void set_codes(OSSL_CMP_CTX *ctx, const char *reference, const char *secret)
{
    assert_true(OSSL_CMP_CTX_set1_referenceValue(ctx, (const unsigned char *)reference, (int)strlen(reference)) &&
                OSSL_CMP_CTX_set1_secretValue(ctx, (const unsigned char *)secret, (int)strlen(secret)));
}

static OSSL_CMP_CTX *client(world_t *world, const char *reference, const char *secret)
{
    OSSL_CMP_CTX *ctx = bare_client(world);

    set_codes(ctx, reference, secret);
    return ctx;
}

static void add_csr(world_t *world, OSSL_CMP_CTX *ctx)
{
    X509_REQ *csr = X509_REQ_new();

    assert_true(X509_REQ_set_pubkey(csr, world->key) && X509_REQ_sign(csr, world->key, EVP_sha256()) > 0 &&
                OSSL_CMP_CTX_set1_p10CSR(ctx, csr));
    X509_REQ_free(csr);
}

/* Does a reply verify under this secret? */
static int verifies(ra_bytes_t bytes, const char *secret)
{
    OSSL_CMP_CTX *ctx = OSSL_CMP_CTX_new(NULL, NULL);
    OSSL_CMP_MSG *message = decode(bytes);
    int verified;

    OSSL_CMP_CTX_set_log_cb(ctx, keep_quiet);
    set_codes(ctx, REFERENCE, secret);
    verified = OSSL_CMP_validate_msg(ctx, message);
    OSSL_CMP_MSG_free(message);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
    return verified;
}

/* --- fixture ---------------------------------------------------------------------------------------------------- */

static const char *write_pem(int (*write)(BIO *out, const world_t *world), const world_t *world)
{
    const char *folder;
    apr_file_t *file;
    char *path, *text;
    BIO *out = BIO_new(BIO_s_mem());
    long len;

    assert_int_equal(write(out, world), 1);
    len = BIO_get_mem_data(out, &text);
    assert_int_equal(apr_temp_dir_get(&folder, world->pool), APR_SUCCESS);
    path = apr_pstrcat(world->pool, folder, "/ra-test-cmp-XXXXXX", NULL);
    assert_int_equal(apr_file_mktemp(&file, path, APR_READ | APR_WRITE | APR_CREATE | APR_EXCL, world->pool),
                     APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, (apr_size_t)len, NULL), APR_SUCCESS);
    apr_file_close(file);
    BIO_free(out);
    return path;
}

static int write_cert(BIO *out, const world_t *world)
{
    return PEM_write_bio_X509(out, world->signer);
}

static int write_key(BIO *out, const world_t *world)
{
    return PEM_write_bio_PrivateKey(out, world->signer_key, NULL, NULL, 0, NULL, NULL);
}

static apr_status_t drop_world(void *data)
{
    world_t *world = data;

    X509_free(world->signer);
    EVP_PKEY_free(world->signer_key);
    EVP_PKEY_free(world->key);
    return APR_SUCCESS;
}

static world_t *make_world_with(apr_pool_t *pool, int has_front)
{
    world_t *world = apr_pcalloc(pool, sizeof(*world));
    ra_result_t *result = ra_result_make(pool);
    ra_cmp_settings_t settings = {.url = "http://127.0.0.1:1/"};

    world->pool = pool;
    world->flip = -1;
    world->signer_key = EVP_EC_gen("P-256");
    world->key = EVP_EC_gen("P-256");
    world->signer = issue(world->signer_key, world->signer_key, "RA");
    apr_pool_cleanup_register(pool, world, drop_world, apr_pool_cleanup_null);
    settings.signer_cert_file = settings.trust_file = write_pem(write_cert, world);
    settings.signer_key_file = write_pem(write_key, world);
    settings.front_cert_file = has_front ? settings.signer_cert_file : NULL;
    settings.front_key_file = has_front ? settings.signer_key_file : NULL;
    assert_int_equal(ra_cmp_make(&world->ca, &settings, result, pool), APR_SUCCESS);
    apr_file_remove(settings.signer_cert_file, pool);
    apr_file_remove(settings.signer_key_file, pool);
    return world;
}

static world_t *make_world(apr_pool_t *pool)
{
    return make_world_with(pool, 1);
}

/* The first message of a tool with these codes; nothing was answered yet. */
static ra_bytes_t message_of(world_t *world, const char *reference, const char *secret)
{
    OSSL_CMP_CTX *ctx = client(world, reference, secret);
    int check_after;

    world->trouble = APR_EGENERAL; /* the front gives up at once */
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    world->trouble = APR_SUCCESS;
    world->found = world->messages = 0;
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
    return world->sent;
}

/* --- the right way ---------------------------------------------------------------------------------------------- */

static void check_exchange(world_t *world, int type, int implicit, const char *secret)
{
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, secret);
    int check_after = 0;
    const X509 *cert;

    if (type == P10CR) {
        add_csr(world, ctx);
    }
    OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_IMPLICIT_CONFIRM, implicit);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, type, NULL, &check_after), 1);
    cert = OSSL_CMP_CTX_get0_newCert(ctx);
    assert_non_null(cert);
    assert_true(ra_bytes_equal(cert_der((X509 *)cert, world->pool), world->standing.certificate));
    assert_int_equal(world->wish.csr.len > 0, type == P10CR);
    assert_int_equal(world->wish.spki.len > 0, type != P10CR);
    assert_int_equal(world->messages, implicit ? 1 : 2);
    assert_int_equal(world->is_last, implicit);
    assert_int_equal(world->confirmed, !implicit);
    assert_int_equal(world->is_accepted, !implicit);
    assert_int_equal(world->decided, 1);
    assert_int_equal(world->wrong + world->refused, 0);
    OSSL_CMP_CTX_free(ctx);
}

static void test_each_request_gets_its_certificate(void **state)
{
    static const int types[] = {IR, CR, P10CR};

    for (int i = 0; i < 3; i++) {
        check_exchange(make_world(*state), types[i], 0, SECRET);
        check_exchange(make_world(*state), types[i], 1, SECRET_CLEAN);
    }
}

static void test_tool_polls_until_the_certificate_is_there(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    world->first = RA_CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), -1);
    assert_int_equal(check_after, 7);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), -1);
    make_certificate(world);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 1);
    assert_int_equal(world->decided, 1);
    assert_int_equal(world->confirmed, 1);
    OSSL_CMP_CTX_free(ctx);
}

static void test_poll_hears_that_the_ca_refused(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    world->first = RA_CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(ctx, CR, NULL, &check_after), -1);
    world->standing = (ra_cmp_standing_t){
        .state = RA_CMP_REJECTED, .failure = RA_CMP_FAIL_SYSTEM_FAILURE, .text = "the CA did not issue"};
    assert_int_equal(OSSL_CMP_try_certreq(ctx, CR, NULL, &check_after), 0);
    assert_int_equal(OSSL_CMP_CTX_get_status(ctx), OSSL_CMP_PKISTATUS_rejection);
    assert_int_equal(OSSL_CMP_CTX_get_failInfoCode(ctx), 1 << OSSL_CMP_PKIFAILUREINFO_systemFailure);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static void test_refusal_carries_reason_and_text(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    char text[OSSL_CMP_PKISI_BUFLEN];
    int check_after = 0;

    world->first = RA_CMP_REJECTED;
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    assert_int_equal(OSSL_CMP_CTX_get_failInfoCode(ctx), 1 << OSSL_CMP_PKIFAILUREINFO_notAuthorized);
    assert_non_null(OSSL_CMP_CTX_snprint_PKIStatus(ctx, text, sizeof(text)));
    assert_non_null(strstr(text, "these codes were used already"));
    assert_int_equal(world->nonces[0].len, 0);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

/* --- lost and repeated messages --------------------------------------------------------------------------------- */

static void check_lost_reply(world_t *world, int number, ra_cmp_state_e first)
{
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    world->first = first;
    world->lose_reply = number;
    if (first == RA_CMP_WAITING) {
        assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), -1);
        make_certificate(world);
    }
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 1);
    assert_int_equal(world->decided, 1);
    assert_true(world->is_accepted);
    OSSL_CMP_CTX_free(ctx);
}

static void test_any_reply_may_be_lost_once(void **state)
{
    check_lost_reply(make_world(*state), 1, RA_CMP_ISSUED);  /* ip */
    check_lost_reply(make_world(*state), 2, RA_CMP_ISSUED);  /* pkiConf */
    check_lost_reply(make_world(*state), 1, RA_CMP_WAITING); /* ip, waiting */
    check_lost_reply(make_world(*state), 3, RA_CMP_WAITING); /* the ip that ends the polling */
}

static void test_other_request_under_the_same_transaction_is_refused(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    int check_after = 0;

    check_exchange(world, IR, 1, SECRET);
    ASN1_OCTET_STRING_set(id, world->transaction_id.data, (int)world->transaction_id.len);
    assert_true(OSSL_CMP_CTX_set1_transactionID(ctx, id));
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    assert_int_equal(OSSL_CMP_CTX_get_failInfoCode(ctx), 1 << OSSL_CMP_PKIFAILUREINFO_transactionIdInUse);
    assert_int_equal(world->decided, 1);
    ASN1_OCTET_STRING_free(id);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static int decline(OSSL_CMP_CTX *ctx, X509 *cert, int fail_info, const char **ptext)
{
    (void)ctx;
    (void)cert;
    (void)fail_info;
    *ptext = "not mine";
    return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

static void test_tool_may_decline(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    OSSL_CMP_CTX_set_certConf_cb(ctx, decline);
    OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after);
    assert_int_equal(world->confirmed, 1);
    assert_false(world->is_accepted);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static int swap_certificate(OSSL_CMP_CTX *ctx, X509 *cert, int fail_info, const char **ptext)
{
    (void)cert;
    (void)fail_info;
    *ptext = NULL;
    make_certificate(OSSL_CMP_CTX_get_certConf_cb_arg(ctx));
    return 0;
}

static void test_confirmation_of_another_certificate_is_none(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    OSSL_CMP_CTX_set_certConf_cb(ctx, swap_certificate);
    OSSL_CMP_CTX_set_certConf_cb_arg(ctx, world);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    assert_int_equal(world->confirmed, 0);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

/* --- what a guesser learns -------------------------------------------------------------------------------------- */

static void test_wrong_secret_is_counted_and_its_reply_confirms_none(void **state)
{
    world_t *world = make_world(*state);

    assert_int_equal(ask(world, message_of(world, REFERENCE, "WRONG-SECRET")), APR_SUCCESS);
    assert_int_equal(world->wrong, 1);
    assert_int_equal(world->decided + world->refused, 0);
    assert_int_equal(type_of(world->reply), 23);
    assert_int_equal(verifies(world->reply, SECRET), 0);
    assert_int_equal(verifies(world->reply, SECRET_CLEAN), 0);
    assert_int_equal(verifies(world->reply, "WRONG-SECRET"), 0);
    /* The check itself: a reply to the right secret does verify. */
    assert_int_equal(ask(world, message_of(world, REFERENCE, SECRET)), APR_SUCCESS);
    assert_int_equal(verifies(world->reply, SECRET), 1);
}

static void test_unknown_reference_is_answered_alike(void **state)
{
    world_t *world = make_world(*state);
    ra_bytes_t wrong;

    assert_int_equal(ask(world, message_of(world, REFERENCE, "WRONG-SECRET")), APR_SUCCESS);
    wrong = world->reply;
    assert_int_equal(ask(world, message_of(world, "ZZZZZZZZZZZZ", "WRONG-SECRET")), APR_SUCCESS);
    assert_int_equal(world->wrong, 2);
    assert_int_equal(type_of(world->reply), type_of(wrong));
    assert_int_equal(world->reply.len, wrong.len);
    assert_int_equal(verifies(world->reply, SECRET), 0);
}

/* OpenSSL reads some encodings that are not DER; what it makes of them is then the very same message. */
static int is_same_message(ra_bytes_t bytes, ra_bytes_t message, apr_pool_t *pool)
{
    OSSL_CMP_MSG *decoded = decode(bytes);
    int same = decoded != NULL && ra_bytes_equal(encode(decoded, pool), message);

    OSSL_CMP_MSG_free(decoded);
    ERR_clear_error();
    return same;
}

static void test_spoiled_message_decides_nothing(void **state)
{
    world_t *world = make_world(*state);
    ra_bytes_t message = message_of(world, REFERENCE, SECRET);
    unsigned char *copy = apr_palloc(world->pool, message.len);
    int answered = 0;

    for (apr_size_t i = 0; i < message.len; i++) {
        apr_status_t status;

        memcpy(copy, message.data, message.len);
        copy[i] ^= (unsigned char)(1 << (i % 8));
        if (is_same_message(ra_bytes_of(copy, message.len), message, world->pool)) {
            continue;
        }
        status = ask(world, ra_bytes_of(copy, message.len));
        assert_true(status == APR_SUCCESS || status == APR_EINVAL);
        answered += status == APR_SUCCESS;
    }
    assert_int_equal(world->decided, 0);
    assert_true(answered > 50);
}

static void test_cut_message_is_no_message(void **state)
{
    world_t *world = make_world(*state);
    ra_bytes_t message = message_of(world, REFERENCE, SECRET);
    unsigned char *longer = apr_pcalloc(world->pool, message.len + 1);

    for (apr_size_t len = 0; len < message.len; len++) {
        assert_int_equal(ask(world, ra_bytes_of(message.data, len)), APR_EINVAL);
    }
    memcpy(longer, message.data, message.len);
    assert_int_equal(ask(world, ra_bytes_of(longer, message.len + 1)), APR_EINVAL);
    longer = apr_pcalloc(world->pool, RA_CMP_MESSAGE_MAX_BYTES + 1);
    assert_int_equal(ask(world, ra_bytes_of(longer, RA_CMP_MESSAGE_MAX_BYTES + 1)), APR_EINVAL);
    assert_int_equal(world->found, 0);
}

static void test_random_bytes_are_no_message(void **state)
{
    world_t *world = make_world(*state);
    unsigned char bytes[300];

    for (int i = 0; i < 2000; i++) {
        assert_int_equal(ra_random(bytes, sizeof(bytes)), APR_SUCCESS);
        bytes[0] = 0x30;
        bytes[1] = 0x82;
        bytes[2] = 1;
        bytes[3] = (unsigned char)(sizeof(bytes) - 4 - 256);
        assert_int_equal(ask(world, ra_bytes_of(bytes, sizeof(bytes))), APR_EINVAL);
    }
}

/* --- refused by protocol ---------------------------------------------------------------------------------------- */

static void check_no_possession(world_t *world, int method)
{
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_POPO_METHOD, method);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    assert_int_equal(OSSL_CMP_CTX_get_failInfoCode(ctx), 1 << OSSL_CMP_PKIFAILUREINFO_badPOP);
    assert_int_equal(world->decided, 0);
    assert_int_equal(world->refused, 1);
    assert_int_equal(world->wrong, 0);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static void test_possession_is_proved_by_a_signature_only(void **state)
{
    check_no_possession(make_world(*state), OSSL_CRMF_POPO_RAVERIFIED);
    check_no_possession(make_world(*state), OSSL_CRMF_POPO_NONE);
}

static void test_message_without_codes_is_answered_signed_and_nothing_is_looked_up(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = bare_client(world);
    X509 *own = issue(world->key, world->key, "stranger");
    X509_STORE *trust = X509_STORE_new();
    int check_after = 0;

    X509_STORE_add_cert(trust, world->signer);
    assert_true(OSSL_CMP_CTX_set1_cert(ctx, own) && OSSL_CMP_CTX_set1_pkey(ctx, world->key) &&
                OSSL_CMP_CTX_set0_trustedStore(ctx, trust) &&
                OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_IGNORE_KEYUSAGE, 1));
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    assert_int_equal(world->found + world->wrong + world->decided, 0);
    assert_int_equal(OSSL_CMP_CTX_get_status(ctx), OSSL_CMP_PKISTATUS_rejection); /* heard: its signature is good */
    X509_free(own);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

/* --- signed with the certificate that is to be renewed or revoked ----------------------------------------------- */

/* A certificate of the subscriber's key; not self-issued, since OpenSSL's clients do not send such ones along. */
static X509 *certify(const world_t *world, long serial)
{
    X509 *cert = issue(world->key, world->signer_key, "subscriber");

    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    assert_true(X509_set_issuer_name(cert, X509_get_subject_name(world->signer)) &&
                X509_sign(cert, world->signer_key, EVP_sha256()) > 0);
    return cert;
}

static X509 *give_certificate(world_t *world)
{
    X509 *own = certify(world, 42);

    world->own = cert_der(own, world->pool);
    return own;
}

/* A tool that signs with a certificate and trusts the front's. */
static OSSL_CMP_CTX *signing_client(world_t *world, X509 *own)
{
    OSSL_CMP_CTX *ctx = bare_client(world);
    X509_STORE *trust = X509_STORE_new();

    X509_STORE_add_cert(trust, world->signer);
    assert_true(OSSL_CMP_CTX_set1_cert(ctx, own) && OSSL_CMP_CTX_set1_pkey(ctx, world->key) &&
                OSSL_CMP_CTX_set0_trustedStore(ctx, trust) && OSSL_CMP_CTX_set1_oldCert(ctx, own));
    return ctx;
}

static void test_renewal_is_signed_with_the_certificate_itself(void **state)
{
    world_t *world = make_world(*state);
    X509 *own = give_certificate(world);
    OSSL_CMP_CTX *ctx = signing_client(world, own);
    int check_after = 0;

    world->first = RA_CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(ctx, KUR, NULL, &check_after), -1);
    assert_int_equal(world->wish.kind, RA_CMP_RENEWAL);
    assert_true(world->wish.spki.len > 0);
    make_certificate(world);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, KUR, NULL, &check_after), 1);
    assert_int_equal(world->confirmed, 1);
    assert_int_equal(world->decided, 1);
    OSSL_CMP_CTX_free(ctx);
    X509_free(own);
}

static void test_revocation_is_noted(void **state)
{
    world_t *world = make_world(*state);
    X509 *own = give_certificate(world);
    OSSL_CMP_CTX *ctx = signing_client(world, own);

    world->first = RA_CMP_NOTED;
    assert_true(OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_REVOCATION_REASON, 5));
    assert_int_equal(OSSL_CMP_exec_RR_ses(ctx), 1);
    assert_int_equal(OSSL_CMP_CTX_get_status(ctx), OSSL_CMP_PKISTATUS_revocationWarning);
    assert_int_equal(world->wish.kind, RA_CMP_REVOCATION);
    assert_int_equal(world->wish.reason, 5);
    OSSL_CMP_CTX_free(ctx);
    X509_free(own);
}

static void check_other_certificate(world_t *world, int type)
{
    X509 *own = give_certificate(world), *other = certify(world, 43);
    OSSL_CMP_CTX *ctx = signing_client(world, own);
    int check_after = 0;

    assert_true(OSSL_CMP_CTX_set1_oldCert(ctx, other));
    assert_int_equal(type == RR ? OSSL_CMP_exec_RR_ses(ctx) : OSSL_CMP_try_certreq(ctx, type, NULL, &check_after), 0);
    assert_int_equal(OSSL_CMP_CTX_get_failInfoCode(ctx), 1 << OSSL_CMP_PKIFAILUREINFO_badCertId);
    assert_int_equal(world->decided, 0);
    assert_int_equal(world->refused, 1);
    X509_free(own);
    X509_free(other);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static void test_one_certificate_speaks_for_no_other(void **state)
{
    check_other_certificate(make_world(*state), KUR);
    check_other_certificate(make_world(*state), RR);
}

static void test_spoiled_signed_message_decides_nothing(void **state)
{
    world_t *world = make_world(*state);
    X509 *own = give_certificate(world);
    OSSL_CMP_CTX *ctx = signing_client(world, own);
    int check_after = 0, answered = 0;
    unsigned char *copy;

    world->trouble = APR_EGENERAL;
    OSSL_CMP_try_certreq(ctx, KUR, NULL, &check_after);
    ERR_clear_error();
    world->trouble = APR_SUCCESS;
    copy = apr_palloc(world->pool, world->sent.len);
    for (apr_size_t i = 0; i < world->sent.len; i++) {
        apr_status_t status;

        memcpy(copy, world->sent.data, world->sent.len);
        copy[i] ^= (unsigned char)(1 << (i % 8));
        if (is_same_message(ra_bytes_of(copy, world->sent.len), world->sent, world->pool)) {
            continue;
        }
        status = ask(world, ra_bytes_of(copy, world->sent.len));
        assert_true(status == APR_SUCCESS || status == APR_EINVAL);
        answered += status == APR_SUCCESS;
    }
    assert_int_equal(world->decided + world->refused + world->wrong, 0);
    assert_true(answered > 50);
    X509_free(own);
    OSSL_CMP_CTX_free(ctx);
}

static void test_without_a_front_credential_signed_requests_are_not_served(void **state)
{
    world_t *world = make_world_with(*state, 0);
    X509 *own = give_certificate(world);
    OSSL_CMP_CTX *ctx = signing_client(world, own);
    int check_after = 0;

    OSSL_CMP_try_certreq(ctx, KUR, NULL, &check_after);
    assert_int_equal(world->found + world->decided, 0);
    assert_int_equal(type_of(world->reply), 23);
    assert_true(OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_UNPROTECTED_ERRORS, 1));
    OSSL_CMP_CTX_reinit(ctx);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, KUR, NULL, &check_after), 0);
    assert_int_equal(OSSL_CMP_CTX_get_status(ctx), OSSL_CMP_PKISTATUS_rejection);
    X509_free(own);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static void test_poll_and_confirmation_without_transaction_are_refused(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    world->first = RA_CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), -1);
    world->request = ra_bytes_of(NULL, 0); /* forgotten */
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    assert_int_equal(type_of(world->reply), 23);
    assert_int_equal(verifies(world->reply, SECRET), 1);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static void test_nonce_that_is_not_ours_is_refused(void **state)
{
    world_t *world = make_world(*state);
    OSSL_CMP_CTX *ctx = client(world, REFERENCE, SECRET);
    int check_after = 0;

    world->first = RA_CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), -1);
    world->nonces[0] = ra_bytes_text("0123456789abcdef");
    world->nonces[1] = ra_bytes_of(NULL, 0);
    assert_int_equal(OSSL_CMP_try_certreq(ctx, IR, NULL, &check_after), 0);
    assert_int_equal(type_of(world->reply), 23);
    OSSL_CMP_CTX_free(ctx);
    ERR_clear_error();
}

static void test_trouble_of_a_callback_ends_without_reply(void **state)
{
    world_t *world = make_world(*state);
    ra_bytes_t right = message_of(world, REFERENCE, SECRET), wrong = message_of(world, REFERENCE, "WRONG-SECRET");

    world->trouble = RA_EUNAVAILABLE;
    assert_int_equal(ask(world, right), RA_EUNAVAILABLE);
    assert_int_equal(ask(world, wrong), RA_EUNAVAILABLE);
    world->trouble = APR_SUCCESS;
    assert_int_equal(ask(world, right), APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_each_request_gets_its_certificate),
        UNIT_TEST(test_tool_polls_until_the_certificate_is_there),
        UNIT_TEST(test_poll_hears_that_the_ca_refused),
        UNIT_TEST(test_refusal_carries_reason_and_text),
        UNIT_TEST(test_any_reply_may_be_lost_once),
        UNIT_TEST(test_other_request_under_the_same_transaction_is_refused),
        UNIT_TEST(test_tool_may_decline),
        UNIT_TEST(test_confirmation_of_another_certificate_is_none),
        UNIT_TEST(test_wrong_secret_is_counted_and_its_reply_confirms_none),
        UNIT_TEST(test_unknown_reference_is_answered_alike),
        UNIT_TEST(test_spoiled_message_decides_nothing),
        UNIT_TEST(test_cut_message_is_no_message),
        UNIT_TEST(test_random_bytes_are_no_message),
        UNIT_TEST(test_possession_is_proved_by_a_signature_only),
        UNIT_TEST(test_message_without_codes_is_answered_signed_and_nothing_is_looked_up),
        UNIT_TEST(test_renewal_is_signed_with_the_certificate_itself),
        UNIT_TEST(test_revocation_is_noted),
        UNIT_TEST(test_one_certificate_speaks_for_no_other),
        UNIT_TEST(test_spoiled_signed_message_decides_nothing),
        UNIT_TEST(test_without_a_front_credential_signed_requests_are_not_served),
        UNIT_TEST(test_poll_and_confirmation_without_transaction_are_refused),
        UNIT_TEST(test_nonce_that_is_not_ours_is_refused),
        UNIT_TEST(test_trouble_of_a_callback_ends_without_reply),
    };

    return UNIT_RUN(tests);
}
