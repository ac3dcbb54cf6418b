/*
 * How far a number is, for who has it in hand: no login, nothing personal in the answer (domain.md §1 public, §3 step ten).
 * Layer: business. All functions run inside the caller's transaction; strings live in act->tx->pool.
 */
#ifndef RA_BUSINESS_PROGRESS_H
#define RA_BUSINESS_PROGRESS_H

#include "business/application/application.h"

/**
 * The Progress of the API.
 * @param tail the last six digits of the code of a form filled in beforehand, or the last six characters of the 社保编号
 * RA_EREFUSED: _PROGRESS_NOT_FOUND, the same for a wrong number and for a wrong tail (counted, result->keep);
 *   _PROGRESS_LOCKED after RA_PROGRESS_TRIES_MAX wrong tries of one number, whether or not there is such a number
 */
apr_status_t ra_progress_query(ra_json_t **pprogress, const ra_act_t *act, const char *number, const char *tail);

/** Forgets tries of long ago; for ra_periodic_run(). */
apr_status_t ra_progress_forget(ra_tx_t *tx, void *unused);

#endif
