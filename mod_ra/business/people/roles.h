/*
 * Roles of people and scopes of business systems (domain.md §1), written once.
 * Layer: business. Bits are in-process only; the database and the API use the names.
 */
#ifndef RA_BUSINESS_ROLES_H
#define RA_BUSINESS_ROLES_H

#include <apr_pools.h>

/* X(symbol, API name): 受理, 录入, 审核, 制证, 档案, 热线, 技术, 现场, 市场, 部门经理, 系统管理员, 审计员, 主管社保经办单位 */
#define RA_ROLES(X)                                                                                                    \
    X(ACCEPTOR, "acceptor")                                                                                            \
    X(ENTRY_OFFICER, "entry_officer")                                                                                  \
    X(REVIEW_OFFICER, "review_officer")                                                                                \
    X(ISSUING_OFFICER, "issuing_officer")                                                                              \
    X(ARCHIVIST, "archivist")                                                                                          \
    X(HOTLINE_AGENT, "hotline_agent")                                                                                  \
    X(TECHNICIAN, "technician")                                                                                        \
    X(FIELD_ENGINEER, "field_engineer")                                                                                \
    X(MARKETING, "marketing")                                                                                          \
    X(MANAGER, "manager")                                                                                              \
    X(ADMINISTRATOR, "administrator")                                                                                  \
    X(AUDITOR, "auditor")                                                                                              \
    X(AGENCY, "agency")

/* X(symbol, API name): what a business system 业务系统 may do */
#define RA_SCOPES(X)                                                                                                   \
    X(APPLICATIONS_SUBMIT, "applications.submit")                                                                      \
    X(APPLICATIONS_READ, "applications.read")                                                                          \
    X(AGENCY_DECIDE, "agency.decide")                                                                                  \
    X(APPLICATIONS_PRODUCE, "applications.produce")                                                                    \
    X(CERTIFICATES_READ, "certificates.read")

#define RA_ROLE_ORDINAL(symbol, name) RA_ROLE_ORDINAL_##symbol,
enum { RA_ROLES(RA_ROLE_ORDINAL) RA_ROLE_COUNT };
#define RA_ROLE_BIT(symbol, name) RA_ROLE_##symbol = 1u << RA_ROLE_ORDINAL_##symbol,
typedef enum { RA_ROLES(RA_ROLE_BIT) RA_ROLE_NONE = 0 } ra_role_e;

#define RA_SCOPE_ORDINAL(symbol, name) RA_SCOPE_ORDINAL_##symbol,
enum { RA_SCOPES(RA_SCOPE_ORDINAL) RA_SCOPE_COUNT };
#define RA_SCOPE_BIT(symbol, name) RA_SCOPE_##symbol = 1u << RA_SCOPE_ORDINAL_##symbol,
typedef enum { RA_SCOPES(RA_SCOPE_BIT) RA_SCOPE_NONE = 0 } ra_scope_e;

typedef apr_uint32_t ra_roles_t;  /* a set of ra_role_e */
typedef apr_uint32_t ra_scopes_t; /* a set of ra_scope_e */

/** The bit of an API name; 0 when there is no such role or scope. */
ra_roles_t ra_role_of(const char *name);
ra_scopes_t ra_scope_of(const char *name);
/** The API name of the lowest bit set; "" for none. */
const char *ra_role_name(ra_roles_t role);
const char *ra_scope_name(ra_scopes_t scope);
/** "review_officer, manager": the API names of all. */
const char *ra_rights_text(ra_roles_t roles, ra_scopes_t scopes, apr_pool_t *pool);

#endif
