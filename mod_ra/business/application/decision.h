/*
 * Signed decisions (§17: each staff decision leaves evidence; design §10): the bytes that a reviewer signs, and what of
 * a signature is checked and kept. A signature is bound to application, version, snapshot and decision.
 * Layer: business. Thread rule: as its transaction.
 */
#ifndef RA_BUSINESS_DECISION_H
#define RA_BUSINESS_DECISION_H

#include "business/application/application.h"

/** RASignedDecisions. */
typedef enum { RA_SIGNING_OPTIONAL, RA_SIGNING_OFF, RA_SIGNING_REQUIRED, RA_SIGNING_COUNT } ra_signing_e;

/** The word of the directive and of the API. */
const char *ra_signing_name(ra_signing_e signing);

/**
 * What a reviewer signs now: canonical JSON (RFC 8785) of application, version, decision and snapshot.
 * RA_EREFUSED: the engine's problems, when the caller may not review it now
 */
apr_status_t ra_decision_statement(ra_bytes_t *pstatement, const ra_act_t *act, const ra_application_t *application, ra_decision_e decision);

/**
 * Checks the signature of a review (text, or NULL when none was sent) against the setting, the caller and the statement,
 * and keeps it. To be called before the application moves.
 * @param precord what the step's record says of it; NULL: there is none
 * RA_EREFUSED: _DECISION_SIGNATURE_MISSING, _UNEXPECTED, _MALFORMED, _REPLAYED, _CERTIFICATE, _PERSON, _MISMATCH
 */
apr_status_t ra_decision_keep(ra_json_t **precord, const ra_act_t *act, const ra_application_t *application, ra_decision_e decision,
                              const char *signature);

/** Every signed decision of an application, oldest first: the DecisionSignature of the API. */
apr_status_t ra_decision_list(ra_json_t **pitems, const ra_act_t *act, const char *application_id);

#endif
