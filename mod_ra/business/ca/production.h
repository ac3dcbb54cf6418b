/*
 * Production 制证: from codes and certificate request to a certificate of the upstream CA (design §8, §9).
 * Layer: business. One attempt at the CA is one row, which the API calls an operation.
 */
#ifndef RA_BUSINESS_PRODUCTION_H
#define RA_BUSINESS_PRODUCTION_H

#include "base/x509.h"
#include "business/application/application.h"
#include "business/ca/settlement.h"

/**
 * Checks codes, request and key, and queues the attempt, all in this transaction.
 * @param form  {reference_code, authorisation_code, csr}
 * @param pjob  id of the outbox job to run after COMMIT
 * RA_EREFUSED: the engine's problems, those of ra_codes_use() and ra_csr_parse(), _KEY_NOT_ALLOWED _KEY_REUSED _KEY_WEAK (blocked), _CERTIFICATE_STATE
 */
apr_status_t ra_production_request(const ra_act_t *act, ra_application_t *application, const ra_json_t *form, const char **pjob);

/** One attempt to be made. */
typedef struct ra_enrolment_t {
    const ra_key_t *key;
    ra_bytes_t csr;      /* PKCS#10; empty for a bare key */
    const char *code_id; /* NULL: none were needed */
    int is_encryption;   /* the second of a pair */
    int runs_at_once;    /* by ra_production_run_now() after the COMMIT */
} ra_enrolment_t;

/** Queues an attempt at the CA: its row, and the outbox job. Sets application->operation_id, which the caller writes by ra_application_move(). */
apr_status_t ra_production_queue(const ra_act_t *act, ra_application_t *application, const ra_enrolment_t *enrolment, const char **pjob);

/**
 * Runs an attempt that ra_production_request() or ra_production_proved() has queued, after its COMMIT, and waits at most @a wait for the end.
 * Without workers nothing: then nobody asks the CA here.
 */
void ra_production_run_now(const ra_t *ra, const char *operation_id, const char *job_id, apr_interval_time_t wait, apr_pool_t *pool);

/** A certificate request whose codes and proof of possession were verified by its protocol (CMP). */
typedef struct ra_proved_request_t {
    const char *code_id;  /* of the pair, used up by ra_codes_use_proved() in the same transaction */
    const char *by;       /* for the history, in place of a person: what brought the request */
    ra_bytes_t csr;       /* PKCS#10, or */
    ra_bytes_t spki;      /* the bare key */
} ra_proved_request_t;

/**
 * As ra_production_request() for a request of a protocol that proves the codes by itself.
 * @param act act->who is who drew the codes: it counts as the producer
 */
apr_status_t ra_production_proved(const ra_act_t *act, ra_application_t *application,
                                  const ra_proved_request_t *request, const char **pjob);

/**
 * May this key still be certified, or renew this certificate? An early word to who asks; production claims the key and asks again.
 * RA_EREFUSED: _KEY_REUSED, _KEY_WEAK (blocked)
 */
apr_status_t ra_production_check_unused(const ra_act_t *act, const char *certificate_id, const ra_key_t *key);

/** The Operation of the API, of the attempt that ra_production_request() has just queued in this transaction, without asking the database. */
ra_json_t *ra_operation_queued(const ra_act_t *act, const ra_application_t *application);

/** The Production of the API: {operation, certificate}, without certificate when there is none. @param pversion out: of the application. @return APR_ENOENT */
apr_status_t ra_operation_outcome(ra_json_t **poutcome, apr_int64_t *pversion, const ra_act_t *act, const char *id);

/** The Operation of the API, in sight of the caller. RA_EREFUSED with RA_PROBLEM_NOT_FOUND. @param roles of the API's operation */
apr_status_t ra_operation_open(ra_json_t **poperation, const ra_act_t *act, const char *id, ra_roles_t roles);

typedef struct ra_operation_filter_t {
    const char *status;    /* API word; NULL: any */
    const char *before_id; /* NULL: from the newest */
    int limit;
} ra_operation_filter_t;

/** Newest first, at most limit + 1 rows in sight. */
apr_status_t ra_operation_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_operation_filter_t *filter);

/**
 * A person brings the certificate that the CA has issued unheard (settlement->certificate): it passes what the CA's answer has to pass, and the application goes on
 * as with an answer. RA_EREFUSED: _CERTIFICATE_UNREADABLE, _CERTIFICATE_NOT_APPROVED
 */
apr_status_t ra_enrolment_adopt(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement);

/** Runs one attempt (a job of kind "enrol"); @a context is the ra_t. */
ra_job_verdict_e ra_production_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool);

#endif
