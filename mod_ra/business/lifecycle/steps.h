/*
 * The steps of a business as people do them: what each demands of its form beyond the schema, and what it records.
 * Layer: business. One table, one function: a step is a row.
 */
#ifndef RA_BUSINESS_STEPS_H
#define RA_BUSINESS_STEPS_H

#include "business/application/application.h"

/**
 * Does one step (or withdrawal) on an opened application with its form.
 * @param pjob the outbox job that the step queued for the CA, to be run after COMMIT; NULL: none
 * Order: the engine's permission, then the form, then the write.
 * RA_EREFUSED: the engine's problems; _MATERIALS_INCOMPLETE _PAYMENT_MISSING _PAYMENT_DUPLICATE _NAME_NOT_ALLOWED _SAN_MISSING _SAN_NOT_ALLOWED
 * _VALIDITY_TOO_LONG _SNAPSHOT_MISMATCH _INSPECTION_FAILED _ARCHIVE_INCOMPLETE _REGION_OUTSIDE _CERTIFICATE_STATE
 */
apr_status_t ra_application_step(const ra_act_t *act, ra_application_t *application, ra_action_e action, const ra_json_t *form, const char **pjob);

#endif
