/*
 * Forms that subscribers fill in beforehand (design §3, public): sealed until the counter finds one by its number and makes an application of it, once.
 * Layer: business. All functions run inside the caller's transaction; strings live in act->tx->pool.
 *
 * A subscriber gets a number 受理号 and a code, shown once. The number finds the form at the counter; the last digits of the code let the subscriber ask
 * how far it is. The database holds keyed hashes of the code only.
 */
#ifndef RA_BUSINESS_PREFILL_H
#define RA_BUSINESS_PREFILL_H

#include "business/application/application.h"

#define RA_PREFILL_CODE_DIGITS 20 /* the last is a check digit */
#define RA_PREFILL_TAIL_DIGITS 6

typedef struct ra_prefill_t {
    const char *id;
    const char *number;
    const ra_json_t *form;      /* as it was filled in; NULL once it was used */
    const char *application_id; /* made of it; NULL while it is open */
    const char *created_at;
    const char *expires_at;
} ra_prefill_t;

/**
 * Keeps a form. It is checked as an application is, but for what only the counter knows (whose region, which certificate).
 * @param body      a PrefillBody, checked against its schema
 * @param client_ip where it came from
 * @param panswer   {number, code, qr_text, expires_at}; the code is nowhere else
 * RA_EREFUSED: as ra_application_submit(), and _PREFILL_LIMIT _PREFILLS_FULL
 */
apr_status_t ra_prefill_keep(ra_json_t **panswer, const ra_act_t *act, const ra_json_t *body, const char *client_ip);

/**
 * Finds one by its number, or by number and code as its QR code has them, for the counter. One whose region is out of sight reads as not there.
 * RA_EREFUSED with RA_PROBLEM_NOT_FOUND.
 */
apr_status_t ra_prefill_open(ra_prefill_t **pprefill, const ra_act_t *act, const char *typed);

/** The Prefill of the API: the form, and the certificates in sight that it may be about. */
apr_status_t ra_prefill_json(ra_json_t **pjson, const ra_act_t *act, const ra_prefill_t *prefill);

/**
 * The form in the shape of createApplication's body, with the members of @a body on top; without prefill_number.
 * RA_EREFUSED: _PREFILL_UNKNOWN (none in sight, or expired) _PREFILL_USED
 */
apr_status_t ra_prefill_merge(ra_json_t **pform, ra_prefill_t **pprefill, const ra_act_t *act, const ra_json_t *body);

/** The form has become that application: erases it. RA_ERETRY when another was faster. */
apr_status_t ra_prefill_use(const ra_act_t *act, const ra_prefill_t *prefill, const char *application_id);

/** Are these the last digits of the code that belongs to the number? *pprefill without its form, NULL when not. For the public. */
apr_status_t ra_prefill_by_tail(ra_prefill_t **pprefill, const ra_act_t *act, const char *number, const char *tail);

/** Erases what has expired, in portions; for ra_periodic_run(). */
apr_status_t ra_prefill_forget(ra_tx_t *tx, void *unused);

#endif
