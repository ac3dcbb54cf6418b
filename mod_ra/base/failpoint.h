/*
 * Named failpoints and planted bugs: boundaries where the campaign of tests/fault lets the process die, wait or meet an error of the database.
 * They exist in builds with --enable-test-build only; in any other build these macros are nothing, and neither a name nor a branch is left.
 * Layer: base. Thread rule: free-threaded; the table is memory shared by all processes of a server and by the driver that arms it.
 */
#ifndef RA_BASE_FAILPOINT_H
#define RA_BASE_FAILPOINT_H

/* From the submission to the end of the job: entry, review, codes, outbox, sending, receiving, COMMIT, confirmation. */
#define RA_FAILPOINTS(X)                                                                                               \
    /* a request */                                                                                                    \
    X(request_begin) X(key_claimed) X(handler_done) X(answer_kept) X(request_committed)                                \
    X(submission_inserted) X(submission_history)                                                                       \
    X(move_begin) X(move_written) X(move_history)                                                                      \
    X(audit_begin) X(audit_written)                                                                                    \
    X(codes_voided) X(codes_drawn) X(codes_used)                                                                       \
    X(key_used) X(outbox_added) X(attempt_inserted)                                                                    \
    /* a job */                                                                                                        \
    X(job_due) X(job_claiming) X(job_claimed) X(job_ran) X(job_finishing) X(job_finished)                              \
    /* an attempt at the CA */                                                                                         \
    X(attempt_read) X(sent_begin) X(sent_written) X(sent_committed) X(http_begin) X(http_end) X(second_look)           \
    X(certificate_received) X(certificate_inserted) X(certificate_attempt) X(certificate_moved) X(certificate_committed) \
    X(confirmation_begin) X(confirmation_end) X(confirmation_written)                                                  \
    X(outcome_begin) X(outcome_written) X(outcome_committed)                                                           \
    X(revocation_queued) X(revocation_read) X(revocation_changed) X(revocation_moved) X(revocation_committed)          \
    /* a bulk operation */                                                                                             \
    X(bulk_taken) X(bulk_row_begin) X(bulk_row_noted) X(bulk_row_done) X(bulk_finishing)                               \
    /* what the CA's CRL says */                                                                                       \
    X(crl_fetched) X(crl_storing) X(crl_marking) X(crl_changed) X(crl_followed)                                        \
    /* the store */                                                                                                    \
    X(transaction_begin) X(commit_begin) X(commit_end)

/* Bugs that the checker of the campaign must find. */
#define RA_PLANTS(X)                                                                                                   \
    X(lease_off)             /* the lease of a job is over at once */                                                  \
    X(send_before_commit)    /* the request leaves although it could not be stored */                                  \
    X(code_reusable)         /* a pair of codes stays alive after its use */                                           \
    X(second_transaction)    /* a lost answer is answered by a new transaction */                                      \
    X(audit_row_missing)     /* a change without its audit row */                                                      \
    X(approval_kept)         /* a correction leaves the approvals standing */                                          \
    X(history_jumps)         /* a history row tells another state than the one reached */                              \
    X(key_ignored)           /* the Idempotency-Key is not looked at */                                                \
    X(confirmed_unstored)    /* the certificate is confirmed although its COMMIT failed */                             \
    X(revocation_undone)     /* a revocation is recorded before the CA has done it */                                  \
    X(bulk_cut_short)        /* a bulk operation ends after its first row */                                           \
    X(crl_unheeded)          /* what the CRL says becomes history and evidence, and the certificate does not change */

#ifdef RA_TEST_BUILD

typedef enum {
#define RA_FAILPOINT_ENUM(name) RA_FAILPOINT_##name,
    RA_FAILPOINTS(RA_FAILPOINT_ENUM) RA_FAILPOINT_COUNT
#undef RA_FAILPOINT_ENUM
} ra_failpoint_e;

typedef enum {
#define RA_PLANT_ENUM(name) RA_PLANT_##name,
    RA_PLANTS(RA_PLANT_ENUM) RA_PLANT_COUNT
#undef RA_PLANT_ENUM
} ra_plant_e;

/** Maps the table in a file (made and cleared when it is not there). 0 on failure. Before the children are made. */
int ra_failpoint_open(const char *path);
void ra_failpoint(ra_failpoint_e point);
int ra_planted(ra_plant_e plant);
/** The error number that the next statement or COMMIT of this thread is to meet, 0 for none; taken by asking. */
unsigned int ra_failpoint_error(void);
/** Is the answer of this thread's next COMMIT to be lost? Taken by asking. */
int ra_failpoint_answer_is_lost(void);

#define RA_FAILPOINT(name) ra_failpoint(RA_FAILPOINT_##name)
#define RA_PLANTED(name) ra_planted(RA_PLANT_##name)

#else

#define RA_FAILPOINT(name) ((void)0)
#define RA_PLANTED(name) 0
#define ra_failpoint_error() 0u
#define ra_failpoint_answer_is_lost() 0

#endif
#endif
