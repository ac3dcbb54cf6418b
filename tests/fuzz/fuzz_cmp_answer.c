/*
 * The CMP adapter against a CA that answers anything. The transport is replaced: ra_http_post() below answers from the input.
 * First byte: what is asked and how our side behaves. Then one block for each message: kind, two bytes of length, content.
 * Kind 's' puts the content as PKIBody into a message that is signed by the CA, so that what a verified answer may hold is reached.
 * Promises: an answer that is not believable proves nothing; what may have arrived is never called unsent; no certificate without the
 * caller's word; nothing leaves before it is stored.
 */
#include "cmp_ca.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/err.h>

#include "base/http.h"
#include "base/text.h"

#define TRIES_MAX 3
#define REASON_MAX 300

/* Bits of the first byte. */
enum { REVOKE = 1, P10CR = 2, CANNOT_STORE = 4, RELEASE = 8, VERDICT_SHIFT = 4 };

/* One input while it runs. */
typedef struct play_t {
    const uint8_t *data;
    size_t size;
    unsigned flags;
    int believable;   /* signed answers to the right message, in this try */
    int arrived;      /* messages that may have reached the CA, in this try */
    int stored;       /* before_send was called and did not fail */
    int certificates; /* how often on_certificate was called, in this try */
    int silent;       /* it said RA_CA_SILENT */
    apr_pool_t *pool;
} play_t;

static play_t play;

/* ---- the transport ---- */

static unsigned take_byte(void)
{
    if (play.size == 0) {
        return 0;
    }
    play.size--;
    return *play.data++;
}

static ra_bytes_t take_block(void)
{
    size_t len = take_byte() << 8;

    len |= take_byte();
    len = len < play.size ? len : play.size;
    ra_bytes_t block = ra_bytes_of(play.data, len);
    play.data += len;
    play.size -= len;
    return block;
}

static apr_status_t fail(ra_http_reply_t *reply, int nothing_sent)
{
    reply->nothing_sent = nothing_sent;
    reply->error = "the connection failed";
    play.arrived += !nothing_sent;
    return APR_EGENERAL;
}

apr_status_t ra_http_post(ra_http_reply_t *reply, const ra_http_post_t *post, apr_pool_t *pool)
{
    unsigned kind = take_byte();
    ra_bytes_t block = take_block();

    FUZZ_MUST(post->body.len > 0 && post->timeout > 0);
    FUZZ_MUST(play.stored && !play.silent);
    memset(reply, 0, sizeof(*reply));
    if (kind == 'n' || kind == 'l' || kind == 0) {
        return fail(reply, kind == 'n');
    }
    play.arrived++;
    reply->status = kind == 'h' ? 503 : 200;
    reply->content_type = kind == 't' ? "text/html" : "application/pkixcmp";
    reply->body = ra_bytes_copy(block, pool);
    if (kind == 's' || kind == 'w' || kind == 'i' || kind == 'o') {
        reply->body = fuzz_ca_answer(post->body, block, (char)kind, pool);
        play.believable += kind == 's' && reply->body.len > 0;
    }
    return APR_SUCCESS;
}

/* ---- the caller's side ---- */

static apr_status_t before_send(void *baton, ra_bytes_t request, ra_bytes_t nonce)
{
    (void)baton;
    FUZZ_MUST(request.len > 0 && nonce.len > 0 && !play.stored && play.arrived == 0);
    play.stored = (play.flags & CANNOT_STORE) == 0;
    return play.stored ? APR_SUCCESS : APR_EGENERAL;
}

static ra_ca_verdict_e on_certificate(void *baton, const ra_cert_t *certificate, const apr_array_header_t *chain)
{
    static const ra_ca_verdict_e verdicts[] = {RA_CA_ACCEPT, RA_CA_DECLINE, RA_CA_SILENT, RA_CA_ACCEPT};
    ra_ca_verdict_e verdict = verdicts[(play.flags >> VERDICT_SHIFT) & 3];
    ra_cert_t *cert = NULL;

    (void)baton;
    FUZZ_MUST(play.believable > 0 && ++play.certificates == 1);
    FUZZ_MUST(chain != NULL && chain->nelts > 0);
    FUZZ_MUST(ra_bytes_equal(certificate->key.spki, fuzz_ca_request()->spki));
    FUZZ_MUST(ra_cert_parse(&cert, certificate->der, ra_result_make(play.pool), play.pool) == APR_SUCCESS);
    FUZZ_MUST(strcmp(cert->serial, certificate->serial) == 0 && strcmp(cert->subject.text, certificate->subject.text) == 0);
    play.silent = verdict == RA_CA_SILENT;
    play.flags = (play.flags & ~(3u << VERDICT_SHIFT)) | (unsigned)verdict << VERDICT_SHIFT;
    return verdict;
}

/* ---- what must hold after a try ---- */

static void check_believed(const ra_ca_exchange_t *exchange, int was_waiting)
{
    int silence = exchange->outcome == RA_CA_UNKNOWN || exchange->outcome == RA_CA_NOT_SENT;

    FUZZ_MUST(play.believable > 0 || silence || (was_waiting && exchange->outcome == RA_CA_WAITING));
    FUZZ_MUST(exchange->outcome != RA_CA_NOT_SENT || play.arrived == 0);
    FUZZ_MUST(exchange->outcome != RA_CA_WAITING || (exchange->waiting.len > 0 && exchange->check_after >= 0));
}

static void check_certificate(const ra_ca_exchange_t *exchange)
{
    unsigned verdict = (play.flags >> VERDICT_SHIFT) & 3;

    if (exchange->outcome == RA_CA_DONE && !(play.flags & REVOKE)) {
        FUZZ_MUST(play.certificates == 1 && verdict == RA_CA_ACCEPT && exchange->certificate.len > 0);
    }
    if (play.certificates == 1) {
        FUZZ_MUST(verdict != RA_CA_ACCEPT || exchange->outcome == RA_CA_DONE);
        FUZZ_MUST(verdict != RA_CA_SILENT || exchange->outcome == RA_CA_UNKNOWN);
    }
    if (exchange->outcome == RA_CA_REFUSED) {
        FUZZ_MUST(exchange->certificate.len > 0 && (play.certificates == 0 || verdict == RA_CA_DECLINE));
    }
}

static void check_words(const ra_ca_exchange_t *exchange)
{
    FUZZ_MUST(exchange->outcome <= RA_CA_UNKNOWN);
    FUZZ_MUST(exchange->outcome == RA_CA_DONE || exchange->outcome == RA_CA_WAITING || exchange->reason_text != NULL);
    if (exchange->reason_text) {
        FUZZ_MUST(strlen(exchange->reason_text) <= REASON_MAX && fuzz_is_printable(exchange->reason_text));
    }
    FUZZ_MUST(ERR_peek_error() == 0);
}

/* One try; 1 when another may follow. */
static int run(const ra_ca_t *ca, ra_ca_exchange_t *exchange)
{
    int was_waiting = exchange->waiting.len > 0;

    play.believable = was_waiting && !(play.flags & REVOKE); /* a stored answer is replayed and verified again */
    play.arrived = play.certificates = play.silent = 0;
    play.stored = was_waiting && !(play.flags & REVOKE); /* polls need no announcement, bytes sent again do */
    exchange->outcome = (ra_ca_outcome_e)99;
    if (play.flags & REVOKE) {
        ca->adapter->revoke(ca, exchange, play.pool);
    } else {
        ca->adapter->enrol(ca, exchange, play.pool);
    }
    check_words(exchange);
    check_believed(exchange, was_waiting);
    check_certificate(exchange);
    return exchange->outcome == RA_CA_WAITING || exchange->outcome == RA_CA_UNKNOWN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ra_ca_revocation_t revocation = {.serial = "0123456789ABCDEF"};
    ra_ca_exchange_t exchange = {.request = fuzz_ca_request(),
                                 .revocation = &revocation,
                                 .callbacks = {NULL, before_send, on_certificate},
                                 .timeout = apr_time_from_sec(60)};

    memset(&play, 0, sizeof(play));
    play.pool = fuzz_begin();
    play.data = data;
    play.size = size;
    play.flags = take_byte();
    revocation.reason = play.flags & RELEASE ? 8 : 6;
    memset(exchange.transaction_id, 7, sizeof(exchange.transaction_id));
    for (int tries = 0; tries < TRIES_MAX && (tries == 0 || play.size > 0); tries++) {
        if (!run(fuzz_ca((play.flags & P10CR) != 0), &exchange)) {
            break;
        }
    }
    return 0;
}
