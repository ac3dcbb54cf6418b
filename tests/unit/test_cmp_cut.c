/*
 * Answers of the CA that end early or arrive changed, at every byte, against the CMP adapter. The CA is OpenSSL's own
 * CMP server in this process; the transport is replaced: ra_http_post() below asks it and spoils the answer on its way.
 */
#include "unit.h"

#include <apr_file_io.h>
#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/http.h"
#include "upstream/ca.h"

#include "cert_fixture.h"

/* What the CA says to a request. */
typedef enum { GRANTS, WAITS, REFUSES, FAILS } mood_e;

/* One exchange, and what must come of it. */
typedef struct scene_t {
    const char *name;
    mood_e mood;
    int revoke;
    ra_ca_verdict_e verdict;
    int spoilt;            /* the number of the answer that is spoilt, from 1 */
    ra_ca_outcome_e whole; /* the outcome when nothing is spoilt */
    ra_ca_outcome_e cut;   /* the outcome when that answer is not believed */
} scene_t;

static const scene_t scenes[] = {
    {"certificate", GRANTS, 0, RA_CA_ACCEPT, 1, RA_CA_DONE, RA_CA_UNKNOWN},
    {"waiting", WAITS, 0, RA_CA_ACCEPT, 1, RA_CA_WAITING, RA_CA_UNKNOWN},
    {"rejection", REFUSES, 0, RA_CA_ACCEPT, 1, RA_CA_REJECTED, RA_CA_UNKNOWN},
    {"error", FAILS, 0, RA_CA_ACCEPT, 1, RA_CA_REJECTED, RA_CA_UNKNOWN},
    {"pollRep", WAITS, 0, RA_CA_ACCEPT, 2, RA_CA_WAITING, RA_CA_WAITING},
    {"pkiConf", GRANTS, 0, RA_CA_ACCEPT, 2, RA_CA_DONE, RA_CA_DONE}, /* what is committed stays done */
    {"pkiConf of a refusal", GRANTS, 0, RA_CA_DECLINE, 2, RA_CA_REFUSED, RA_CA_UNKNOWN},
    {"revocation", GRANTS, 1, RA_CA_ACCEPT, 1, RA_CA_DONE, RA_CA_UNKNOWN},
    {"revocation refused", REFUSES, 1, RA_CA_ACCEPT, 1, RA_CA_REJECTED, RA_CA_UNKNOWN},
};

typedef struct world_t {
    apr_pool_t *pool;     /* of the test */
    apr_pool_t *run_pool; /* of one exchange */
    EVP_PKEY *ca_key;     /* the RA's too */
    EVP_PKEY *key;        /* the subscriber's */
    X509 *ca_cert, *cert;
    OSSL_CMP_SRV_CTX *server;
    ra_ca_t *ca;
    const scene_t *scene;
    int cut;           /* bytes that are left of the answer, or -1 */
    int flip;          /* position of the byte that is changed, or -1 */
    int messages;      /* in this exchange */
    int certificates;  /* how often on_certificate was called */
    ra_bytes_t answer; /* the one of the scene, before it was spoilt */
    ra_bytes_t spoilt;
    ra_ca_exchange_t exchange;
} world_t;

static world_t *world; /* the transport has no argument of ours */

/* ---- the CA ---- */

static OSSL_CMP_PKISI *status_of(mood_e mood)
{
    static const int statuses[] = {OSSL_CMP_PKISTATUS_accepted, OSSL_CMP_PKISTATUS_waiting,
                                   OSSL_CMP_PKISTATUS_rejection, OSSL_CMP_PKISTATUS_rejection};

    return OSSL_CMP_STATUSINFO_new(statuses[mood], mood == REFUSES ? 1 << OSSL_CMP_PKIFAILUREINFO_badRequest : 0,
                                   "the CA's words");
}

static OSSL_CMP_PKISI *on_request(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, int id,
                                  const OSSL_CRMF_MSG *crm, const X509_REQ *csr, X509 **pcert, STACK_OF(X509) * *pchain,
                                  STACK_OF(X509) * *pca)
{
    (void)server;
    (void)request;
    (void)id;
    (void)crm;
    (void)csr;
    *pchain = *pca = NULL;
    *pcert = world->scene->mood == GRANTS ? X509_dup(world->cert) : NULL;
    return world->scene->mood == FAILS ? NULL : status_of(world->scene->mood);
}

static OSSL_CMP_PKISI *on_revocation(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, const X509_NAME *issuer,
                                     const ASN1_INTEGER *serial)
{
    (void)server;
    (void)request;
    (void)issuer;
    (void)serial;
    return status_of(world->scene->mood);
}

static int on_general(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, const STACK_OF(OSSL_CMP_ITAV) * in,
                      STACK_OF(OSSL_CMP_ITAV) * *pout)
{
    (void)server;
    (void)request;
    (void)in;
    *pout = NULL;
    return 0;
}

static void on_error(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, const OSSL_CMP_PKISI *status,
                     const ASN1_INTEGER *code, const OSSL_CMP_PKIFREETEXT *text)
{
    (void)server;
    (void)request;
    (void)status;
    (void)code;
    (void)text;
}

static int on_confirmation(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, int id, const ASN1_OCTET_STRING *hash,
                           const OSSL_CMP_PKISI *status)
{
    (void)server;
    (void)request;
    (void)id;
    (void)hash;
    (void)status;
    return 1;
}

static int on_poll(OSSL_CMP_SRV_CTX *server, const OSSL_CMP_MSG *request, int id, OSSL_CMP_MSG **pfirst,
                   int64_t *pcheck_after)
{
    (void)server;
    (void)request;
    (void)id;
    *pfirst = NULL;
    *pcheck_after = 7;
    return 1;
}

/* ---- the transport ---- */

static ra_bytes_t ask(ra_bytes_t bytes, apr_pool_t *pool)
{
    const unsigned char *at = bytes.data;
    OSSL_CMP_MSG *request = d2i_OSSL_CMP_MSG(NULL, &at, (long)bytes.len);
    OSSL_CMP_MSG *answer;
    unsigned char *der = NULL;
    int len;

    assert_non_null(request);
    answer = OSSL_CMP_SRV_process_request(world->server, request);
    assert_non_null(answer);
    len = i2d_OSSL_CMP_MSG(answer, &der);
    assert_true(len > 0);
    bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    OPENSSL_free(der);
    OSSL_CMP_MSG_free(answer);
    OSSL_CMP_MSG_free(request);
    ERR_clear_error();
    return bytes;
}

/* The bytes on a block of their own, so that a read beyond the cut is seen. */
static apr_status_t free_block(void *block)
{
    free(block);
    return APR_SUCCESS;
}

static ra_bytes_t spoil(ra_bytes_t answer, apr_pool_t *pool)
{
    int last = (int)answer.len - 1; /* a signature is one byte shorter at times */
    apr_size_t len = world->cut < 0 ? answer.len : (apr_size_t)(world->cut < last ? world->cut : last);
    unsigned char *block = malloc(len > 0 ? len : 1);

    assert_non_null(block);
    memcpy(block, answer.data, len);
    apr_pool_cleanup_register(pool, block, free_block, apr_pool_cleanup_null);
    if (world->flip >= 0) {
        world->flip = world->flip < last ? world->flip : last;
        block[world->flip] ^= (unsigned char)(1 << (world->flip % 8));
    }
    return ra_bytes_of(block, len);
}

apr_status_t ra_http_post(ra_http_reply_t *reply, const ra_http_post_t *post, apr_pool_t *pool)
{
    ra_bytes_t answer = ask(post->body, pool);

    memset(reply, 0, sizeof(*reply));
    reply->status = 200;
    reply->content_type = "application/pkixcmp";
    if (++world->messages == world->scene->spoilt) {
        world->answer = answer;
        answer = world->spoilt = spoil(answer, pool);
    }
    reply->body = answer;
    return APR_SUCCESS;
}

/* ---- the RA's side ---- */

static ra_ca_verdict_e on_certificate(void *baton, const ra_cert_t *certificate, const apr_array_header_t *chain)
{
    (void)baton;
    world->certificates++;
    assert_true(chain->nelts > 0);
    assert_true(ra_bytes_equal(certificate->der, cert_der(world->cert, world->run_pool)));
    return world->scene->verdict;
}

static const char *spoilt_text(void)
{
    return world->cut >= 0    ? apr_psprintf(world->run_pool, "%s, cut after byte %d", world->scene->name, world->cut)
           : world->flip >= 0 ? apr_psprintf(world->run_pool, "%s, byte %d changed", world->scene->name, world->flip)
                              : apr_psprintf(world->run_pool, "%s, whole", world->scene->name);
}

/* One exchange. @return its outcome */
static ra_ca_outcome_e play(int cut, int flip)
{
    static const ra_rdn_t subject[] = {{"CN", "a.example.cn"}};
    static ra_ca_request_t request = {.subject = subject,
                                      .subject_count = 1,
                                      .validity_days = 1,
                                      .key_usage = "digitalSignature",
                                      .ext_key_usage = ""};
    static const ra_ca_revocation_t revocation = {.serial = "2A", .reason = 1};
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(world->key, &der);

    apr_pool_clear(world->run_pool);
    world->cut = cut;
    world->flip = flip;
    world->messages = world->certificates = 0;
    request.spki = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), world->run_pool);
    OPENSSL_free(der);
    world->exchange = (ra_ca_exchange_t){.request = &request,
                                         .revocation = &revocation,
                                         .callbacks = {.on_certificate = on_certificate},
                                         .timeout = apr_time_from_sec(600),
                                         .outcome = (ra_ca_outcome_e)99};
    assert_int_equal(RAND_bytes(world->exchange.transaction_id, sizeof(world->exchange.transaction_id)), 1);
    (world->scene->revoke ? world->ca->adapter->revoke : world->ca->adapter->enrol)(world->ca, &world->exchange,
                                                                                    world->run_pool);
    assert_int_equal(ERR_peek_error(), 0);
    return world->exchange.outcome;
}

/* The answer was not believed: the outcome says so, with a reason, and no certificate came of it. */
static int is_disbelieved(void)
{
    return world->exchange.outcome == world->scene->cut && world->exchange.reason_text &&
           *world->exchange.reason_text &&
           world->certificates == (world->scene->spoilt > 1 && world->scene->mood == GRANTS);
}

/* ---- fixture ---- */

static X509 *issue(EVP_PKEY *key, const char *name, long serial, EVP_PKEY *by)
{
    X509 *cert = X509_new();
    X509_NAME *issuer = X509_NAME_new();
    X509_EXTENSION *constraints =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, key == by ? "critical,CA:TRUE" : "CA:FALSE");

    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_UTF8, (const unsigned char *)"CA", -1, -1, 0),
                     1);
    assert_true(X509_set_version(cert, X509_VERSION_3) && X509_set_issuer_name(cert, issuer) &&
                X509_set_pubkey(cert, key) && ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) &&
                X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
                X509_gmtime_adj(X509_getm_notAfter(cert), 86400) && X509_add_ext(cert, constraints, -1) &&
                X509_sign(cert, by, EVP_sha256()) > 0);
    X509_EXTENSION_free(constraints);
    X509_NAME_free(issuer);
    return cert;
}

static const char *key_file(EVP_PKEY *key, apr_pool_t *pool)
{
    BIO *out = BIO_new(BIO_s_mem());
    const char *folder;
    apr_file_t *file;
    char *path, *text;

    assert_int_equal(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(out, &text);
    assert_int_equal(apr_temp_dir_get(&folder, pool), APR_SUCCESS);
    path = apr_pstrcat(pool, folder, "/ra-test-cut-XXXXXX", NULL);
    assert_int_equal(apr_file_mktemp(&file, path, APR_READ | APR_WRITE | APR_CREATE | APR_EXCL, pool), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, (apr_size_t)len, NULL), APR_SUCCESS);
    apr_file_close(file);
    BIO_free(out);
    return path;
}

static void start_server(void)
{
    OSSL_CMP_CTX *ctx;
    X509_STORE *trust = X509_STORE_new();

    world->server = OSSL_CMP_SRV_CTX_new(NULL, NULL);
    assert_true(world->server && trust && X509_STORE_add_cert(trust, world->ca_cert));
    ctx = OSSL_CMP_SRV_CTX_get0_cmp_ctx(world->server);
    assert_true(OSSL_CMP_SRV_CTX_init(world->server, NULL, on_request, on_revocation, on_general, on_error,
                                      on_confirmation, on_poll) &&
                OSSL_CMP_SRV_CTX_set_accept_raverified(world->server, 1) &&
                OSSL_CMP_CTX_set1_cert(ctx, world->ca_cert) && OSSL_CMP_CTX_set1_pkey(ctx, world->ca_key) &&
                OSSL_CMP_CTX_set0_trustedStore(ctx, trust) && OSSL_CMP_CTX_set_log_verbosity(ctx, OSSL_CMP_LOG_EMERG));
}

static void make_adapter(apr_pool_t *pool)
{
    ra_cmp_settings_t settings = {.url = "http://127.0.0.1:1/"};
    ra_bytes_t cert = cert_der(world->ca_cert, pool);

    settings.signer_cert_file = settings.trust_file = cert_file(&cert, 1, pool);
    settings.signer_key_file = key_file(world->ca_key, pool);
    assert_int_equal(ra_cmp_make(&world->ca, &settings, ra_result_make(pool), pool), APR_SUCCESS);
    apr_file_remove(settings.signer_key_file, pool);
}

static apr_status_t drop_world(void *data)
{
    (void)data;
    OSSL_CMP_SRV_CTX_free(world->server);
    X509_free(world->ca_cert);
    X509_free(world->cert);
    EVP_PKEY_free(world->ca_key);
    EVP_PKEY_free(world->key);
    world = NULL;
    return APR_SUCCESS;
}

static void make_world(apr_pool_t *pool)
{
    world = apr_pcalloc(pool, sizeof(*world));
    world->pool = pool;
    apr_pool_cleanup_register(pool, NULL, drop_world, apr_pool_cleanup_null);
    apr_pool_create(&world->run_pool, pool);
    world->ca_key = EVP_EC_gen("P-256");
    world->key = EVP_EC_gen("P-256");
    world->ca_cert = issue(world->ca_key, "CA", 1, world->ca_key);
    world->cert = issue(world->key, "a.example.cn", 42, world->ca_key);
    start_server();
    make_adapter(pool);
}

/* The scene as it is when nothing is spoilt; the length of the answer that the others spoil. */
static int play_whole(const scene_t *scene)
{
    world->scene = scene;
    assert_int_equal(play(-1, -1), scene->whole);
    assert_true(world->answer.len > 0 && world->messages >= scene->spoilt);
    return (int)world->answer.len;
}

#define EACH_SCENE(scene) (const scene_t *scene = scenes; scene < scenes + sizeof(scenes) / sizeof(*scenes); scene++)

/* ---- the tests ---- */

static void test_answer_cut_at_any_byte_is_no_answer(void **state)
{
    make_world(*state);
    for
        EACH_SCENE(scene)
        {
            int len = play_whole(scene);

            for (int cut = 0; cut < len; cut++) {
                play(cut, -1);
                if (!is_disbelieved()) {
                    fail_msg("%s: outcome %d", spoilt_text(), world->exchange.outcome);
                }
            }
            print_message("%s: cut at each of %d bytes\n", scene->name, len);
        }
}

/* Header and body of a PKIMessage are what is signed (RFC 9810 section 5.1.3): where they end. */
static int signed_end(ra_bytes_t message)
{
    const unsigned char *at = message.data, *end = message.data + message.len;
    long len;
    int tag, class;

    assert_int_equal(ASN1_get_object(&at, &len, &tag, &class, end - at) & 0x80, 0);
    for (int part = 0; part < 2; part++) {
        assert_int_equal(ASN1_get_object(&at, &len, &tag, &class, end - at) & 0x80, 0);
        at += len;
    }
    return (int)(at - message.data);
}

/* Another encoding of the same: unused bits of a BIT STRING, for example. */
static int means_the_same(ra_bytes_t changed, ra_bytes_t message)
{
    const unsigned char *at = changed.data;
    OSSL_CMP_MSG *decoded = d2i_OSSL_CMP_MSG(NULL, &at, (long)changed.len);
    unsigned char *der = NULL;
    int len = decoded ? i2d_OSSL_CMP_MSG(decoded, &der) : -1;
    int same = len > 0 && ra_bytes_equal(ra_bytes_of(der, (apr_size_t)len), message);

    OPENSSL_free(der);
    OSSL_CMP_MSG_free(decoded);
    ERR_clear_error();
    return same;
}

/* Believed is only what was signed. A later message of an exchange decides nothing that this could show. */
static void test_answer_changed_at_any_byte_is_not_believed(void **state)
{
    make_world(*state);
    for
        EACH_SCENE(scene)
        {
            int len = scene->spoilt == 1 ? play_whole(scene) : 0;

            for (int flip = 0; flip < len; flip++) {
                int is_whole = play(-1, flip) == scene->whole && (world->flip >= signed_end(world->answer) ||
                                                                  means_the_same(world->spoilt, world->answer));

                if (!is_whole && !is_disbelieved()) {
                    fail_msg("%s: outcome %d", spoilt_text(), world->exchange.outcome);
                }
            }
            if (len > 0) {
                print_message("%s: one bit changed at each of %d bytes\n", scene->name, len);
            }
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        UNIT_TEST(test_answer_cut_at_any_byte_is_no_answer),
        UNIT_TEST(test_answer_changed_at_any_byte_is_not_believed),
    };

    return UNIT_RUN(tests);
}
