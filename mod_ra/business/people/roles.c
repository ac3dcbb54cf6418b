/* Names of roles and scopes. Layer: business. Thread rule: constant tables only. */
#include "business/people/roles.h"

#include <apr_strings.h>
#include <string.h>

#define NAME(symbol, name) name,
static const char *const role_names[] = {RA_ROLES(NAME)};
static const char *const scope_names[] = {RA_SCOPES(NAME)};

static apr_uint32_t bit_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

static const char *name_of(const char *const *names, int count, apr_uint32_t bits)
{
    for (int i = 0; i < count; i++) {
        if (bits & (1u << i)) {
            return names[i];
        }
    }
    return "";
}

ra_roles_t ra_role_of(const char *name)
{
    return bit_of(role_names, RA_ROLE_COUNT, name);
}

ra_scopes_t ra_scope_of(const char *name)
{
    return bit_of(scope_names, RA_SCOPE_COUNT, name);
}

const char *ra_role_name(ra_roles_t role)
{
    return name_of(role_names, RA_ROLE_COUNT, role);
}

const char *ra_scope_name(ra_scopes_t scope)
{
    return name_of(scope_names, RA_SCOPE_COUNT, scope);
}

static const char *add_names(const char *text, const char *const *names, int count, apr_uint32_t bits, apr_pool_t *pool)
{
    for (int i = 0; i < count; i++) {
        if (bits & (1u << i)) {
            text = apr_pstrcat(pool, text, *text ? ", " : "", names[i], NULL);
        }
    }
    return text;
}

const char *ra_rights_text(ra_roles_t roles, ra_scopes_t scopes, apr_pool_t *pool)
{
    const char *text = add_names("", role_names, RA_ROLE_COUNT, roles, pool);

    return add_names(text, scope_names, RA_SCOPE_COUNT, scopes, pool);
}
