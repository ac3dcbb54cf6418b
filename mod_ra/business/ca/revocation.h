/*
 * Revocation, hold and release at the upstream CA (domain.md §6, §8): as the effect of a business, or as the end of a certificate that was replaced.
 * Layer: business.
 */
#ifndef RA_BUSINESS_REVOCATION_H
#define RA_BUSINESS_REVOCATION_H

#include "base/x509.h"
#include "business/ca/settlement.h"

/* In SQL, of an application `a` on a certificate: those made together with it that are not revoked, for a pair is one thing to its holder (§18.13). */
#define RA_MADE_TOGETHER "certificates t JOIN certificates c ON c.application_id = t.application_id WHERE t.id = a.target_certificate_id AND c.revoked_at IS NULL"
/* Which of them the CA is still to be asked about. */
#define RA_LEFT_TO_REVOKE ""
#define RA_LEFT_TO_HOLD " AND c.suspended_at IS NULL"
#define RA_LEFT_TO_RELEASE " AND c.suspended_at IS NOT NULL"
/* The first of these, the target before the other. */
#define RA_FIRST_LEFT(which) "(SELECT c.id FROM " RA_MADE_TOGETHER which " ORDER BY c.id <> t.id, c.id LIMIT 1)"
/* Is the CA being asked something about it already? As ca_attempts_open has it. */
#define RA_CERTIFICATE_BUSY(which) "EXISTS (SELECT 1 FROM ca_attempts o WHERE o.open_attempt = COALESCE(" RA_FIRST_LEFT(which) ", a.target_certificate_id))"
/* Is the certificate not revoked yet that another one replaces? What has lapsed has ended. */
#define RA_OLD_CERTIFICATE_OPEN "EXISTS (SELECT 1 FROM " RA_MADE_TOGETHER " AND c.not_after > UTC_TIMESTAMP(6))"

/** Queues what the business does to its certificate, after the review (state in_execution). @param pjob the outbox job */
apr_status_t ra_revocation_of_effect(const ra_act_t *act, ra_application_t *application, const char **pjob);

/** One certificate is as the business wishes it. Of a pair the other is next: its attempt is queued. @param pmore is there one? */
apr_status_t ra_revocation_continue(int *pmore, const ra_act_t *act, ra_application_t *application);

/**
 * Notes that @a application's new certificate takes the place of the old one and, where the business says so, queues the old one's revocation: never before
 * the new one is made, and put off while the CA is being asked something else about the old one. Of a renewed one it notes how long it may be used beside the new one (RARenewalOverlap).
 */
apr_status_t ra_revocation_of_replaced(const ra_act_t *act, ra_application_t *application);

/** Queues the revocation of a certificate that @a application has renewed, now that it may not be used beside the new one any longer. RA_EREFUSED with _CERTIFICATE_BUSY. */
apr_status_t ra_revocation_of_renewed(const ra_act_t *act, const ra_application_t *application, const char *certificate_id);

/** May the application be completed: is the certificate that it replaces revoked or lapsed, where it has to be? RA_EREFUSED with RA_PROBLEM_OLD_CERTIFICATE_OPEN. */
apr_status_t ra_revocation_is_settled(const ra_act_t *act, const ra_application_t *application);

/** A person says that the CA has done what an attempt asked for. RA_EREFUSED where the CA's CRL is fetched, and is older or shows otherwise: _CRL_TOO_OLD, _CRL_CONTRADICTS */
apr_status_t ra_revocation_was_done(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement);
/**
 * A person says that the CA has not done it: whoever decided decides anew; what nobody decided is asked for again. RA_EREFUSED as ra_revocation_was_done().
 */
apr_status_t ra_revocation_was_not_done(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement);

/** Runs one attempt (a job of kind "revoke"); @a context is the ra_t. */
ra_job_verdict_e ra_revocation_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool);

#endif
