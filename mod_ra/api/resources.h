/* The handlers of all operations, bound to operationIds in bindings.c. Layer: api. */
#ifndef RA_API_RESOURCES_H
#define RA_API_RESOURCES_H

#include "api/call.h"

/* X(operationId, handler) */
#define RA_OPERATIONS(X)                                                                                               \
    X("getOpenapi", ra_get_openapi)                                                                                    \
    X("getMe", ra_get_me)                                                                                              \
    X("listBusinesses", ra_list_businesses)                                                                            \
    X("listFaults", ra_list_faults)                                                                                    \
    X("listArticles", ra_list_articles)                                                                                \
    X("getArticle", ra_get_article)                                                                                    \
    X("listContacts", ra_list_contacts)                                                                                \
    X("listRejectionReasons", ra_list_rejection_reasons)                                                               \
    X("listDownloads", ra_list_downloads)                                                                              \
    X("listOffices", ra_list_offices)                                                                                  \
    X("createOffice", ra_create_office)                                                                                \
    X("listAgencies", ra_list_agencies)                                                                                \
    X("createAgency", ra_create_agency)                                                                                \
    X("listPeople", ra_list_principals)                                                                                \
    X("createPerson", ra_create_principal)                                                                             \
    X("getPerson", ra_get_principal)                                                                                   \
    X("updatePerson", ra_update_person)                                                                                \
    X("setPersonRoles", ra_set_person_roles)                                                                           \
    X("bindPersonCertificate", ra_bind_certificate)                                                                    \
    X("disablePersonCertificate", ra_disable_certificate)                                                              \
    X("disablePerson", ra_disable_principal)                                                                           \
    X("enablePerson", ra_enable_principal)                                                                             \
    X("listSystems", ra_list_principals)                                                                               \
    X("createSystem", ra_create_principal)                                                                             \
    X("getSystem", ra_get_principal)                                                                                   \
    X("setSystemScopes", ra_set_system_scopes)                                                                         \
    X("bindSystemCertificate", ra_bind_certificate)                                                                    \
    X("disableSystemCertificate", ra_disable_certificate)                                                              \
    X("disableSystem", ra_disable_principal)                                                                           \
    X("enableSystem", ra_enable_principal)                                                                             \
    X("createPrefill", ra_create_prefill)                                                                              \
    X("getPrefill", ra_get_prefill)                                                                                    \
    X("queryProgress", ra_query_progress)                                                                              \
    X("createApplication", ra_create_application)                                                                      \
    X("listApplications", ra_list_applications)                                                                        \
    X("getApplication", ra_get_application)                                                                            \
    X("updateApplication", ra_update_application)                                                                      \
    X("listApplicationHistory", ra_list_application_history)                                                           \
    X("getReviewStatement", ra_get_review_statement)                                                                   \
    X("listDecisionSignatures", ra_list_decision_signatures)                                                           \
    X("decideForAgency", ra_do_step)                                                                                   \
    X("acceptApplication", ra_do_step)                                                                                 \
    X("enterApplication", ra_do_step)                                                                                  \
    X("reviewApplication", ra_do_step)                                                                                 \
    X("handOverCertificate", ra_do_step)                                                                               \
    X("archiveApplication", ra_do_step)                                                                                \
    X("completeApplication", ra_do_step)                                                                               \
    X("withdrawApplication", ra_do_step)                                                                               \
    X("operateToken", ra_do_step)                                                                                      \
    X("registerApplication", ra_do_step)                                                                               \
    X("listTasks", ra_list_tasks)                                                                                      \
    X("listNotices", ra_list_notices)                                                                                  \
    X("getNotice", ra_get_notice)                                                                                      \
    X("tellNotice", ra_tell_notice)                                                                                    \
    X("listSubscribers", ra_list_subscribers)                                                                          \
    X("getSubscriber", ra_get_subscriber)                                                                              \
    X("getApplicationForm", ra_get_application_form)                                                                   \
    X("getCompletionRecord", ra_get_completion_record)                                                                 \
    X("getProductionSheet", ra_get_production_sheet)                                                                   \
    X("drawCodes", ra_draw_codes)                                                                                      \
    X("fetchEncryptionKey", ra_fetch_encryption_key)                                                                   \
    X("produceCertificate", ra_produce_certificate)                                                                    \
    X("listCertificates", ra_list_certificates)                                                                        \
    X("getCertificate", ra_get_certificate)                                                                            \
    X("listCertificateHistory", ra_list_certificate_history)                                                           \
    X("getCertificateStatus", ra_get_certificate_status)                                                               \
    X("checkCertificate", ra_check_certificate)                                                                        \
    X("reportExpiringCertificates", ra_report_expiring_certificates)                                                   \
    X("reportSuspendedCertificates", ra_report_suspended_certificates)                                                 \
    X("reportApplicationCounts", ra_report_application_counts)                                                         \
    X("reportCaDisagreements", ra_report_ca_disagreements)                                                             \
    X("listCaCertificates", ra_list_ca_certificates)                                                                   \
    X("getCrl", ra_get_crl)                                                                                            \
    X("listOperations", ra_list_operations)                                                                            \
    X("getOperation", ra_get_operation)                                                                                \
    X("settleOperation", ra_settle_operation)                                                                          \
    X("createApplicationsInBulk", ra_take_bulk)                                                                        \
    X("decideForAgencyInBulk", ra_take_bulk)                                                                           \
    X("reviewApplicationsInBulk", ra_take_bulk)                                                                        \
    X("listBulkOperations", ra_list_bulk_operations)                                                                   \
    X("getBulkOperation", ra_get_bulk_operation)                                                                       \
    X("listAuditEvents", ra_list_audit_events)                                                                         \
    X("listAuditCheckpoints", ra_list_audit_checkpoints)

apr_status_t ra_get_openapi(ra_call_t *call);
apr_status_t ra_get_me(ra_call_t *call);
apr_status_t ra_list_businesses(ra_call_t *call);
apr_status_t ra_list_faults(ra_call_t *call);
apr_status_t ra_list_articles(ra_call_t *call);
apr_status_t ra_get_article(ra_call_t *call);
apr_status_t ra_list_contacts(ra_call_t *call);
apr_status_t ra_list_rejection_reasons(ra_call_t *call);
apr_status_t ra_list_downloads(ra_call_t *call);
apr_status_t ra_list_offices(ra_call_t *call);
apr_status_t ra_create_office(ra_call_t *call);
apr_status_t ra_list_agencies(ra_call_t *call);
apr_status_t ra_create_agency(ra_call_t *call);
apr_status_t ra_list_principals(ra_call_t *call);
apr_status_t ra_create_principal(ra_call_t *call);
apr_status_t ra_get_principal(ra_call_t *call);
apr_status_t ra_update_person(ra_call_t *call);
apr_status_t ra_set_person_roles(ra_call_t *call);
apr_status_t ra_set_system_scopes(ra_call_t *call);
apr_status_t ra_bind_certificate(ra_call_t *call);
apr_status_t ra_disable_certificate(ra_call_t *call);
apr_status_t ra_disable_principal(ra_call_t *call);
apr_status_t ra_enable_principal(ra_call_t *call);
apr_status_t ra_create_prefill(ra_call_t *call);
apr_status_t ra_get_prefill(ra_call_t *call);
apr_status_t ra_query_progress(ra_call_t *call);
apr_status_t ra_create_application(ra_call_t *call);
apr_status_t ra_list_applications(ra_call_t *call);
apr_status_t ra_get_application(ra_call_t *call);
apr_status_t ra_update_application(ra_call_t *call);
apr_status_t ra_list_application_history(ra_call_t *call);
apr_status_t ra_get_review_statement(ra_call_t *call);
apr_status_t ra_list_decision_signatures(ra_call_t *call);
apr_status_t ra_do_step(ra_call_t *call);
apr_status_t ra_list_tasks(ra_call_t *call);
apr_status_t ra_list_notices(ra_call_t *call);
apr_status_t ra_get_notice(ra_call_t *call);
apr_status_t ra_tell_notice(ra_call_t *call);
apr_status_t ra_list_subscribers(ra_call_t *call);
apr_status_t ra_get_subscriber(ra_call_t *call);
apr_status_t ra_get_application_form(ra_call_t *call);
apr_status_t ra_get_completion_record(ra_call_t *call);
apr_status_t ra_get_production_sheet(ra_call_t *call);
apr_status_t ra_draw_codes(ra_call_t *call);
apr_status_t ra_produce_certificate(ra_call_t *call);
apr_status_t ra_fetch_encryption_key(ra_call_t *call);
apr_status_t ra_list_certificates(ra_call_t *call);
apr_status_t ra_get_certificate(ra_call_t *call);
apr_status_t ra_list_certificate_history(ra_call_t *call);
apr_status_t ra_get_certificate_status(ra_call_t *call);
apr_status_t ra_check_certificate(ra_call_t *call);
apr_status_t ra_report_expiring_certificates(ra_call_t *call);
apr_status_t ra_report_suspended_certificates(ra_call_t *call);
apr_status_t ra_report_application_counts(ra_call_t *call);
apr_status_t ra_report_ca_disagreements(ra_call_t *call);
apr_status_t ra_list_ca_certificates(ra_call_t *call);
apr_status_t ra_get_crl(ra_call_t *call);
apr_status_t ra_list_operations(ra_call_t *call);
apr_status_t ra_get_operation(ra_call_t *call);
apr_status_t ra_settle_operation(ra_call_t *call);
apr_status_t ra_take_bulk(ra_call_t *call);
apr_status_t ra_list_bulk_operations(ra_call_t *call);
apr_status_t ra_get_bulk_operation(ra_call_t *call);
apr_status_t ra_list_audit_events(ra_call_t *call);
apr_status_t ra_list_audit_checkpoints(ra_call_t *call);

/** The action on an application that an operation is; RA_ACTION_COUNT: none. */
ra_action_e ra_action_of_operation(const ra_operation_t *operation);

/** Answers from the document or a constant table: no database session is taken. */
int ra_handler_needs_no_store(ra_handler_fn handler);

#endif
