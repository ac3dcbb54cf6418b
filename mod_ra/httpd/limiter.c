/*
 * GCRA buckets in shared memory, in a set-associative table of fixed size.
 * Layer: httpd. Thread rule: lock-free, any thread of any child.
 *
 * Where the table is full of active clients, the one nearest to a full bucket gives way: who is over the limit stays
 * known.
 */
#include "httpd/limiter.h"

#include <stdatomic.h>
#include <time.h>

#include <apr_strings.h>

#include "base/crypt.h"
#include "httpd/shared.h"

#define RA_LIMITER_SETS 4096u /* a power of two */
#define RA_LIMITER_WAYS 8u
#define RA_LIMITER_SECRET_BYTES 32
#define RA_LIMITER_TRIES 16 /* compare-and-set losses before a request is let through uncounted */
#define RA_MICROSECONDS 1000000u

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the limiter needs lock-free 64-bit atomics");

typedef struct ra_slot_t {
    _Atomic apr_uint64_t key;  /* keyed hash of the client; 0: never used */
    _Atomic apr_uint64_t full; /* microseconds of the monotonic clock at which the bucket is full */
} ra_slot_t;

struct ra_limiter_t {
    ra_slot_t *slots;
    unsigned char secret[RA_LIMITER_SECRET_BYTES]; /* so that nobody can aim at a set of the table */
};

ra_limiter_t *ra_limiter_make(server_rec *server, apr_pool_t *pool)
{
    ra_limiter_t *limiter = apr_pcalloc(pool, sizeof(*limiter));
    limiter->slots = ra_shared_get(server, "limiter", sizeof(ra_slot_t) * RA_LIMITER_SETS * RA_LIMITER_WAYS);
    if (limiter->slots == NULL || ra_random(limiter->secret, sizeof(limiter->secret)) != APR_SUCCESS) {
        return NULL;
    }
    return limiter;
}

static apr_uint64_t now_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_uint64_t)now.tv_sec * RA_MICROSECONDS + (apr_uint64_t)now.tv_nsec / 1000u;
}

/** The bytes of the address that stand for one client. */
static ra_bytes_t address_of(const request_rec *r)
{
    const apr_sockaddr_t *address = r->useragent_addr;
#if APR_HAVE_IPV6
    if (address->family == APR_INET6) {
        const unsigned char *bytes = address->sa.sin6.sin6_addr.s6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&address->sa.sin6.sin6_addr)) {
            return ra_bytes_of(bytes + 12, 4);
        }
        return ra_bytes_of(bytes, 8);
    }
#endif
    return ra_bytes_of(&address->sa.sin.sin_addr, sizeof(address->sa.sin.sin_addr));
}

/** One client on one virtual host, for one kind of request. */
static apr_uint64_t key_of(const ra_limiter_t *limiter, const ra_limit_client_t *client)
{
    const request_rec *r = client->r;
    ra_bytes_t certificate = client->certificate;
    unsigned char text[2 * RA_SHA256_BYTES + 16] = {0};
    unsigned char mac[RA_SHA256_BYTES];
    apr_uint64_t key = 0;
    const char *host = r->server->server_hostname != NULL ? r->server->server_hostname : "";
    apr_port_t port = r->connection->local_addr->port;
    ra_sha256(text, host, strlen(host));
    if (certificate.data != NULL) {
        ra_sha256(text + RA_SHA256_BYTES, certificate.data, certificate.len);
        text[2 * RA_SHA256_BYTES] = 'c';
    } else {
        ra_bytes_t address = address_of(r);
        memcpy(text + RA_SHA256_BYTES, address.data, address.len);
        text[2 * RA_SHA256_BYTES] = address.len == 4 ? '4' : '6';
    }
    text[2 * RA_SHA256_BYTES + 1] = (unsigned char)client->what;
    memcpy(text + 2 * RA_SHA256_BYTES + 2, &port, sizeof(port));
    ra_hmac_sha256(mac, ra_bytes_of(limiter->secret, sizeof(limiter->secret)), ra_bytes_of(text, sizeof(text)));
    memcpy(&key, mac, sizeof(key));
    return key != 0 ? key : 1;
}

/** The client's slot; an idle or the least used one is taken over for a new client. */
static ra_slot_t *slot_of(ra_limiter_t *limiter, apr_uint64_t key)
{
    ra_slot_t *set = limiter->slots + (key % RA_LIMITER_SETS) * RA_LIMITER_WAYS;
    for (int i = 0; i < RA_LIMITER_TRIES; i++) {
        ra_slot_t *least = set;
        for (ra_slot_t *slot = set; slot < set + RA_LIMITER_WAYS; slot++) {
            if (atomic_load(&slot->key) == key) {
                return slot;
            }
            if (atomic_load(&slot->full) < atomic_load(&least->full)) {
                least = slot;
            }
        }
        apr_uint64_t former = atomic_load(&least->key);
        if (former != key && atomic_compare_exchange_strong(&least->key, &former, key)) {
            atomic_store(&least->full, 0);
            return least;
        }
    }
    return NULL;
}

static int seconds_up(apr_uint64_t microseconds)
{
    return (int)((microseconds + RA_MICROSECONDS - 1) / RA_MICROSECONDS);
}

ra_limit_verdict_t ra_limiter_take(ra_limiter_t *limiter, const ra_limit_t *limit, const ra_limit_client_t *client)
{
    ra_limit_verdict_t verdict = {0, limit->requests, 0, 0};
    apr_uint64_t now = now_monotonic();
    apr_uint64_t window = (apr_uint64_t)limit->seconds * RA_MICROSECONDS;
    apr_uint64_t cost = window / (apr_uint64_t)limit->requests;
    ra_slot_t *slot = slot_of(limiter, key_of(limiter, client));
    if (slot == NULL) {
        return verdict;
    }
    cost = cost > 0 ? cost : 1;
    apr_uint64_t stored = atomic_load(&slot->full);
    for (int i = 0; i < RA_LIMITER_TRIES; i++) {
        apr_uint64_t wait = stored > now ? stored - now : 0;
        if (wait + cost > window) {
            verdict.is_refused = 1;
            verdict.remaining = 0;
            verdict.full_after = seconds_up(wait);
            verdict.retry_after = seconds_up(wait + cost - window);
            return verdict;
        }
        if (atomic_compare_exchange_weak(&slot->full, &stored, now + wait + cost)) {
            verdict.remaining = (int)((window - wait - cost) / cost);
            verdict.full_after = seconds_up(wait + cost);
            return verdict;
        }
    }
    return verdict;
}
