/*
 * The CMP server side against a tool that says anything. First byte: how the caller answers. Then one block for each message: kind, two bytes
 * of length, content. Kind 'p' puts the content as PKIBody into a message protected with the right code, 'q' with a wrong one, 'c' confirms,
 * 'a' repeats the request; anything else is sent as it is.
 * Promises: without the right code nothing is decided, looked at or confirmed; every message gets one reply; a new request is decided once.
 */
#include "cmp_ca.h"

#include <string.h>

#include <openssl/cmp.h>
#include <openssl/err.h>

#include "base/limits.h"
#include "upstream/cmp_front_view.h"

#define MESSAGES_MAX 4
#define SECRET "ABCD-EFGH-JKLM"

/* Bits of the first byte; the two lowest are the ra_cmp_state_e of a new request. */
enum { IS_UNKNOWN = 4, COMES_LATER = 8, FIND_FAILS = 16, DECIDE_FAILS = 32 };

/* The caller's memory of one input. */
typedef struct caller_t {
    unsigned flags;
    int is_right;    /* the message carries the right code */
    int decided;     /* in the whole input */
    int wrong;       /* counted for this message */
    int asked;       /* look, decide or confirm for this message */
    int failed;      /* a callback did, for this message */
    ra_bytes_t message;
    ra_bytes_t request;
    ra_bytes_t nonces[2];
    apr_pool_t *pool;
} caller_t;

static caller_t caller;

static apr_status_t fail_if(unsigned flag)
{
    caller.failed = (caller.flags & flag) != 0;
    return caller.failed ? APR_EGENERAL : APR_SUCCESS;
}

static apr_status_t find(void *baton, const ra_cmp_head_t *head, ra_cmp_known_t *known)
{
    (void)baton;
    FUZZ_MUST(head->type && head->message.len > 0 && head->transaction_id.len <= RA_CMP_TRANSACTION_MAX_BYTES);
    FUZZ_MUST(head->reference == NULL || fuzz_is_printable(head->reference));
    caller.message = head->message;
    if (!(caller.flags & IS_UNKNOWN) && head->reference && strcmp(head->reference, FUZZ_REFERENCE) == 0) {
        known->secrets[0] = ra_bytes_text(SECRET);
        known->secrets[1] = ra_bytes_text("abcdefghjklm");
        known->request = caller.request;
        known->nonces[0] = caller.nonces[0];
        known->nonces[1] = caller.nonces[1];
    }
    return fail_if(FIND_FAILS);
}

static apr_status_t count_wrong(void *baton)
{
    (void)baton;
    FUZZ_MUST(!caller.asked);
    caller.wrong++;
    return APR_SUCCESS;
}

static void stand(ra_cmp_standing_t *standing)
{
    static const ra_cmp_state_e states[] = {RA_CMP_ISSUED, RA_CMP_WAITING, RA_CMP_REJECTED, RA_CMP_ISSUED};

    standing->state = states[caller.flags & 3];
    standing->check_after = 5;
    standing->failure = RA_CMP_FAIL_BAD_REQUEST;
    standing->text = "不行";
    if (standing->state == RA_CMP_ISSUED) {
        standing->certificate = fuzz_ca_certificate();
    }
}

static apr_status_t decide(void *baton, const ra_cmp_wish_t *wish, ra_cmp_standing_t *standing)
{
    (void)baton;
    FUZZ_MUST(caller.is_right && caller.request.len == 0);
    FUZZ_MUST((wish->csr.len > 0) != (wish->spki.len > 0));
    caller.asked = 1;
    caller.decided++;
    caller.request = caller.message;
    stand(standing);
    return fail_if(DECIDE_FAILS);
}

static apr_status_t look(void *baton, ra_cmp_standing_t *standing)
{
    (void)baton;
    FUZZ_MUST(caller.is_right && caller.request.len > 0);
    caller.asked = 1;
    caller.flags &= caller.flags & COMES_LATER ? ~3u : ~0u;
    stand(standing);
    return APR_SUCCESS;
}

static apr_status_t confirm(void *baton, int is_accepted)
{
    (void)baton;
    (void)is_accepted;
    FUZZ_MUST(caller.is_right && caller.request.len > 0 && caller.decided > 0);
    return APR_SUCCESS;
}

static apr_status_t reply(void *baton, ra_bytes_t nonce, ra_cmp_state_e state, int is_last)
{
    (void)baton;
    (void)is_last;
    FUZZ_MUST(caller.is_right && nonce.len > 0 && state != RA_CMP_REJECTED);
    caller.nonces[1] = caller.nonces[0];
    caller.nonces[0] = nonce;
    return APR_SUCCESS;
}

static apr_status_t refuse(void *baton, const char *why)
{
    (void)baton;
    FUZZ_MUST(caller.is_right && why && *why);
    return APR_SUCCESS;
}

/* ---- one message ---- */

/* One message, protected, of the same transaction. */
static void check_reply(ra_bytes_t bytes)
{
    const unsigned char *at = bytes.data;
    OSSL_CMP_MSG *message = d2i_OSSL_CMP_MSG(NULL, &at, (long)bytes.len);

    FUZZ_MUST(message != NULL && at == bytes.data + bytes.len);
    OSSL_CMP_MSG_free(message);
}

static ra_bytes_t message_of(unsigned kind, ra_bytes_t content)
{
    fuzz_tool_t tool = {SECRET, ra_bytes_text("transaction-0001"), caller.nonces[0], content};

    caller.is_right = !(caller.flags & IS_UNKNOWN) && (kind == 'p' || kind == 'c' || kind == 'a');
    if (kind == 'a') {
        return caller.request;
    }
    if (kind == 'q') {
        tool.secret = "wrong";
    }
    if (kind == 'c') {
        tool.body = ra_bytes_of(NULL, 0);
    }
    return (kind == 'p' && content.len > 0) || kind == 'q' || kind == 'c' ? fuzz_tool_message(&tool, caller.pool) : content;
}

/* What is read of a message before anybody has verified its signature. */
static void check_parts(ra_bytes_t message)
{
    ra_bytes_t certificate = ra_cmp_first_certificate(message, caller.pool);
    int reason = ra_cmp_revocation_reason(message);

    FUZZ_MUST(certificate.len <= message.len && reason >= -1);
    ERR_clear_error();
}

static void send_message(ra_bytes_t message)
{
    static const ra_cmp_callbacks_t callbacks = {NULL, find, count_wrong, decide, look, confirm, reply, refuse};
    ra_bytes_t answer = {NULL, 0};

    caller.wrong = caller.asked = caller.failed = 0;
    check_parts(message);
    apr_status_t status = ra_cmp_front_answer(&answer, fuzz_ca(0), message, &callbacks, caller.pool);
    FUZZ_MUST(ERR_peek_error() == 0);
    FUZZ_MUST(caller.wrong <= 1 && caller.decided <= 1);
    if (status == APR_SUCCESS) {
        FUZZ_MUST(!caller.failed && answer.len > 0);
        check_reply(answer);
    } else {
        FUZZ_MUST(answer.len == 0 && (status == APR_EINVAL || status == APR_EGENERAL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&caller, 0, sizeof(caller));
    caller.pool = fuzz_begin();
    caller.flags = size > 0 ? *data : 0;
    data += size > 0;
    size -= size > 0;
    for (int i = 0; i < MESSAGES_MAX && size >= 3; i++) {
        size_t len = (size_t)data[1] << 8 | data[2], rest = size - 3;

        len = len < rest ? len : rest;
        send_message(message_of(data[0], ra_bytes_of(data + 3, len)));
        data += 3 + len;
        size -= 3 + len;
    }
    return 0;
}
