/*
 * The directory: offices, agencies, people and business systems with roles, scopes and certificates (domain.md §1, §18.11).
 * People and systems are principals of two kinds; one set of functions serves both.
 * Layer: business. Only administrators get here; an administrator never changes himself.
 */
#ifndef RA_BUSINESS_DIRECTORY_H
#define RA_BUSINESS_DIRECTORY_H

#include "business/people/principal.h"

typedef enum { RA_PRINCIPAL_PERSON, RA_PRINCIPAL_SYSTEM } ra_principal_kind_e;

/** Adds an office or agency. RA_EREFUSED with _DUPLICATE_NAME or _DECEPTIVE_NAME. @param pplace the Office or Agency of the API */
apr_status_t ra_office_add(ra_json_t **pplace, const ra_act_t *act, const ra_json_t *form);
apr_status_t ra_agency_add(ra_json_t **pplace, const ra_act_t *act, const ra_json_t *form);
/** Newest first, limit + 1 rows below @a before_id (NULL: from the newest). */
apr_status_t ra_office_list(ra_json_t **pitems, const ra_act_t *act, const char *before_id, int limit);
apr_status_t ra_agency_list(ra_json_t **pitems, const ra_act_t *act, const char *before_id, int limit);

/** The Person or System of the API. RA_EREFUSED with _NOT_FOUND. */
apr_status_t ra_directory_get(ra_json_t **pjson, const ra_act_t *act, ra_principal_kind_e kind, const char *id);

typedef struct ra_directory_filter_t {
    ra_principal_kind_e kind;
    const char *office_id;
    const char *words; /* part of the name, or the whole staff number */
    const char *before_id;
    int limit;
} ra_directory_filter_t;
apr_status_t ra_directory_list(ra_json_t **pitems, const ra_act_t *act, const ra_directory_filter_t *filter);

/** Adds a person or system. RA_EREFUSED: _OFFICE_UNKNOWN _AGENCY_UNKNOWN _DUPLICATE_NAME _DECEPTIVE_NAME. @param pid the new id */
apr_status_t ra_directory_add(const char **pid, const ra_act_t *act, ra_principal_kind_e kind, const ra_json_t *form);

/** What is changed: one principal at one version (the caller has compared If-Match with it). */
typedef struct ra_directory_target_t {
    ra_principal_kind_e kind;
    const char *id;
    apr_int64_t version;
} ra_directory_target_t;

/* All: RA_EREFUSED with _SELF_ADMINISTRATION; RA_ERETRY when another change was faster. */
apr_status_t ra_directory_update(const ra_act_t *act, const ra_directory_target_t *target, const ra_json_t *form); /* complete, after the merge */
apr_status_t ra_directory_set_roles(const ra_act_t *act, const ra_directory_target_t *target, const ra_json_t *roles);   /* _ROLES_EXCLUSIVE */
apr_status_t ra_directory_set_scopes(const ra_act_t *act, const ra_directory_target_t *target, const ra_json_t *scopes);
apr_status_t ra_directory_bind(const ra_act_t *act, const ra_directory_target_t *target, const char *pem); /* _CERTIFICATE_UNREADABLE _CERTIFICATE_NOT_TRUSTED _DUPLICATE_CREDENTIAL */
apr_status_t ra_directory_unbind(const ra_act_t *act, const ra_directory_target_t *target, const char *credential_id); /* _NOT_FOUND _STATE_CONFLICT */
/** @param disable 1 to disable, 0 to enable again. _STATE_CONFLICT when it is so already. */
apr_status_t ra_directory_disable(const ra_act_t *act, const ra_directory_target_t *target, int disable, const char *reason);

#endif
