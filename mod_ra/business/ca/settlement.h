/*
 * Unknown outcomes at the CA, settled by a person who has asked there (docs/architecture.md, "Attempts at the CA"): was it done or not, and for a certificate that
 * was issued, which one. Layer: business. Inside the caller's transaction.
 */
#ifndef RA_BUSINESS_SETTLEMENT_H
#define RA_BUSINESS_SETTLEMENT_H

#include "business/application/application.h"

/** What a person says about an attempt, whose row and job are the transaction's own by then. */
typedef struct ra_settlement_t {
    const char *id;          /* of the attempt */
    const char *job_id;
    const char *evidence;    /* how the CA was asked, whom, and what they said */
    const char *certificate; /* PEM, or base64 of DER; NULL: none was given */
} ra_settlement_t;

/**
 * Settles the attempt. @param version of the attempt @param body the SettlementBody of the API, checked
 * RA_EREFUSED: _OPERATION_NOT_UNKNOWN (also while a run is under way), _BODY_INVALID (an outcome of another kind of attempt), _SEPARATION_OF_DUTY,
 * _CERTIFICATE_UNREADABLE, _CERTIFICATE_NOT_APPROVED, _CRL_TOO_OLD, _CRL_CONTRADICTS
 */
apr_status_t ra_settlement_write(const ra_act_t *act, const char *id, apr_int64_t version, const ra_json_t *body);

#endif
