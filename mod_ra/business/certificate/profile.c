/* Profiles and snapshots. Layer: business. */
#include "business/certificate/profile.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <string.h>

#include "base/limits.h"
#include "base/x509.h"
#include "business/ca/pair.h"
#include "business/certificate/certificate.h"

static const ra_profile_t built_in[RA_PROFILES] = {
    {"subscriber-signing", "digitalSignature,nonRepudiation", "clientAuth,emailProtection"},
    {"subscriber-encryption", "keyEncipherment,dataEncipherment", ""},
    {"server", "digitalSignature,keyEncipherment", "serverAuth"},
};

ra_profile_t *ra_profiles_make(apr_pool_t *pool)
{
    return apr_pmemdup(pool, built_in, sizeof(built_in));
}

ra_profile_t *ra_profile_find(ra_profile_t *profiles, const char *name)
{
    for (int i = 0; i < RA_PROFILES; i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

const ra_profile_t *ra_profile_of(const ra_settings_t *settings, ra_kind_e kind, const char *usage)
{
    const ra_profile_t *profiles = settings && settings->profiles ? settings->profiles : built_in;

    if (kind == RA_KIND_SERVER) {
        return &profiles[2];
    }
    return strcmp(usage, "encryption") == 0 ? &profiles[1] : &profiles[0];
}

/* Members of the entered subject in the order of the distinguished name. */
static const char *const subject_members[][2] = {
    {"country", "C"},           {"state_or_province", "ST"},     {"locality", "L"},
    {"organization", "O"},      {"organizational_unit", "OU"},   {"common_name", "CN"},
};

static void add_subject(ra_json_t *snapshot, const ra_json_t *subject)
{
    ra_json_t *rdns = ra_json_set_array(snapshot, "subject");

    for (size_t i = 0; i < sizeof(subject_members) / sizeof(subject_members[0]); i++) {
        const char *value = ra_json_get_string(subject, subject_members[i][0]);

        if (value) {
            ra_json_t *rdn = ra_json_add_object(rdns);

            ra_json_set_string(rdn, "type", subject_members[i][1]);
            ra_json_set_string(rdn, "value", value);
        }
    }
}

static void set_profile(ra_json_t *json, const ra_profile_t *profile)
{
    ra_json_set_string(json, "profile", profile->name);
    ra_json_set_string(json, "key_usage", profile->key_usage);
    ra_json_set_string(json, "ext_key_usage", profile->ext_key_usage);
}

static void seal_snapshot(ra_application_t *application, const ra_json_t *snapshot, apr_pool_t *pool)
{
    unsigned char digest[RA_SHA256_BYTES];

    application->snapshot = ra_json_canonical(snapshot, pool);
    ra_sha256(digest, application->snapshot, strlen(application->snapshot));
    application->snapshot_sha256 = ra_hex(ra_bytes_of(digest, sizeof(digest)), pool);
}

apr_status_t ra_snapshot_build(const ra_act_t *act, ra_application_t *application, const ra_json_t *certificate)
{
    apr_pool_t *pool = act->tx->pool;
    const ra_settings_t *settings = act->ra->settings;
    ra_json_t *snapshot = ra_json_object_make(pool);

    ra_json_set_string(snapshot, "application_id", application->id);
    ra_json_set_string(snapshot, "number", application->number);
    ra_json_set_string(snapshot, "business", application->business->name);
    ra_json_set_string(snapshot, "kind", ra_kind_name(application->kind));
    ra_json_set_string(snapshot, "usage", application->usage);
    ra_json_set_string(snapshot, "subscriber_id", application->subscriber_id);
    set_profile(snapshot, ra_profile_of(settings, application->kind, application->usage));
    if (ra_pair_is(application)) {
        set_profile(ra_json_set_object(snapshot, "encryption"), ra_profile_of(settings, application->kind, "encryption"));
    }
    ra_json_set_copy(snapshot, "dns_names", ra_json_get(certificate, "dns_names"));
    ra_json_set_copy(snapshot, "ip_addresses", ra_json_get(certificate, "ip_addresses"));
    ra_json_set_copy(snapshot, "key_algorithms", ra_json_get(certificate, "key_algorithms"));
    ra_json_set_int(snapshot, "validity_years", ra_json_get_int(certificate, "validity_years", 1));
    add_subject(snapshot, ra_json_get(certificate, "subject"));
    seal_snapshot(application, snapshot, pool);
    return APR_SUCCESS;
}

apr_status_t ra_snapshot_of_act(const ra_act_t *act, ra_application_t *application)
{
    ra_json_t *snapshot = ra_json_object_make(act->tx->pool), *certificate;
    ra_target_t target;
    apr_status_t status = ra_target_read(&target, act, application->target_id);

    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_set_string(snapshot, "application_id", application->id);
    ra_json_set_string(snapshot, "number", application->number);
    ra_json_set_string(snapshot, "business", application->business->name);
    ra_json_set_copy(snapshot, "particulars", application->particulars);
    certificate = ra_json_set_object(snapshot, "certificate");
    ra_json_set_string(certificate, "id", target.id);
    ra_json_set_string(certificate, "issuer", target.issuer);
    ra_json_set_string(certificate, "serial", target.serial);
    ra_json_set_string(certificate, "sha256", target.sha256);
    seal_snapshot(application, snapshot, act->tx->pool);
    return APR_SUCCESS;
}

static const ra_json_t *parse(const char *snapshot, apr_pool_t *pool)
{
    ra_json_t *json;
    ra_json_error_t error;

    return ra_json_parse(&json, snapshot, strlen(snapshot), &ra_json_limits_request, &error, pool) == APR_SUCCESS ? json : NULL;
}

const char *ra_snapshot_of_encryption(const char *snapshot, apr_pool_t *pool)
{
    const ra_json_t *whole = parse(snapshot, pool), *part = ra_json_get(whole, "encryption");

    return part ? ra_json_canonical(ra_json_merge_patch(whole, part, pool), pool) : NULL;
}

static const char *const *string_list(const ra_json_t *array, apr_pool_t *pool)
{
    const char **list = apr_pcalloc(pool, ((apr_size_t)ra_json_size(array) + 1) * sizeof(*list));
    int count = 0;

    for (const ra_json_t *item = ra_json_first(array); item; item = ra_json_next(item)) {
        list[count++] = ra_json_string(item);
    }
    return list;
}

static int is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static apr_time_t years_later(apr_time_t now, int years)
{
    apr_time_exp_t exp;
    apr_time_t later = now;

    apr_time_exp_gmt(&exp, now);
    exp.tm_year += years;
    if (exp.tm_mon == 1 && exp.tm_mday == 29 && !is_leap(exp.tm_year + 1900)) {
        exp.tm_mday = 28;
    }
    apr_time_exp_gmt_get(&later, &exp);
    return later;
}

static void read_subject(ra_ca_request_t *request, const ra_json_t *rdns, apr_pool_t *pool)
{
    ra_rdn_t *subject = apr_pcalloc(pool, ((apr_size_t)ra_json_size(rdns) + 1) * sizeof(*subject));
    int count = 0;

    for (const ra_json_t *rdn = ra_json_first(rdns); rdn; rdn = ra_json_next(rdn)) {
        subject[count].type = ra_json_get_string(rdn, "type");
        subject[count++].value = ra_json_get_string(rdn, "value");
    }
    request->subject = subject;
    request->subject_count = count;
}

apr_status_t ra_snapshot_request(ra_ca_request_t *request, const char *snapshot, apr_time_t now, apr_pool_t *pool)
{
    const ra_json_t *json = parse(snapshot, pool);
    int years = (int)ra_json_get_int(json, "validity_years", 0);

    memset(request, 0, sizeof(*request));
    if (!json || years < 1) {
        return APR_EGENERAL;
    }
    read_subject(request, ra_json_get(json, "subject"), pool);
    request->dns_names = string_list(ra_json_get(json, "dns_names"), pool);
    request->ip_names = string_list(ra_json_get(json, "ip_addresses"), pool);
    request->validity_days = (int)(apr_time_sec(years_later(now, years) - now) / 86400);
    request->key_usage = ra_json_get_string(json, "key_usage");
    request->ext_key_usage = ra_json_get_string(json, "ext_key_usage");
    return APR_SUCCESS;
}

int ra_snapshot_allows_key(const char *snapshot, const ra_key_t *key, apr_pool_t *pool)
{
    const ra_json_t *names = ra_json_get(parse(snapshot, pool), "key_algorithms");

    for (const ra_json_t *name = ra_json_first(names); name; name = ra_json_next(name)) {
        if (strcmp(ra_json_string(name), ra_key_kind_name(key->kind)) == 0) {
            return 1;
        }
    }
    return 0;
}

static int holds(const char *const *list, const char *text)
{
    for (; list && *list; list++) {
        if (strcasecmp(*list, text) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_subset(const char *const *part, const char *const *whole)
{
    for (; part && *part; part++) {
        if (!holds(whole, *part)) {
            return 0;
        }
    }
    return 1;
}

static int same_set(const char *const *wanted, const char *const *found)
{
    return is_subset(wanted, found) && is_subset(found, wanted);
}

/* Addresses in the one form that certificates are read in: "2001:db8::1". */
static const char *const *plain_addresses(const char *const *addresses, apr_pool_t *pool)
{
    int count = 0;
    const char **plain;

    while (addresses && addresses[count]) {
        count++;
    }
    plain = apr_pcalloc(pool, ((apr_size_t)count + 1) * sizeof(*plain));
    for (int i = 0; i < count; i++) {
        unsigned char binary[sizeof(struct in6_addr)];
        char text[INET6_ADDRSTRLEN];
        int family = strchr(addresses[i], ':') ? AF_INET6 : AF_INET;

        plain[i] = inet_pton(family, addresses[i], binary) == 1 && inet_ntop(family, binary, text, sizeof(text)) ? apr_pstrdup(pool, text)
                                                                                                                  : addresses[i];
    }
    return plain;
}

/* Are the comma separated words of a and b the same set? */
static int same_words(const char *a, const char *b, apr_pool_t *pool)
{
    const char *words[2][32] = {{NULL}, {NULL}};

    for (int side = 0; side < 2; side++) {
        char *state, *text = apr_pstrdup(pool, side ? b : a);
        int count = 0;

        for (char *word = apr_strtok(text, ", ", &state); word && count < 31; word = apr_strtok(NULL, ", ", &state)) {
            words[side][count++] = word;
        }
    }
    return same_set(words[0], words[1]);
}

static int validity_agrees(const ra_expected_t *expected, const ra_cert_t *cert, int years)
{
    apr_interval_time_t tolerance = expected->tolerance;

    return cert->not_before >= expected->since - tolerance && cert->not_before <= expected->now + tolerance &&
           cert->not_after >= years_later(expected->since, years) - tolerance &&
           cert->not_after <= years_later(expected->now, years) + tolerance;
}

static int names_agree(const ra_ca_request_t *wanted, const ra_cert_t *cert, apr_pool_t *pool)
{
    return cert->other_names == 0 && same_set(wanted->dns_names, cert->dns_names) &&
           same_set(plain_addresses(wanted->ip_names, pool), cert->ip_names);
}

static const ra_difference_t other_key = {RA_VIOLATION_CERTIFICATE_OTHER_KEY, "another public key"};
static const ra_difference_t other_subject = {RA_VIOLATION_CERTIFICATE_OTHER_SUBJECT, "another subject"};
static const ra_difference_t other_names = {RA_VIOLATION_CERTIFICATE_OTHER_NAMES, "other subject alternative names"};
static const ra_difference_t other_usage = {RA_VIOLATION_CERTIFICATE_OTHER_USAGE, "another key usage"};
static const ra_difference_t other_validity = {RA_VIOLATION_CERTIFICATE_OTHER_VALIDITY, "another validity"};
static const ra_difference_t ca_certificate = {RA_VIOLATION_CERTIFICATE_OF_A_CA, "a CA certificate"};
static const ra_difference_t unreadable_snapshot = {RA_VIOLATION_CERTIFICATE_OTHER_SUBJECT, "the snapshot cannot be read"};

const ra_difference_t *ra_snapshot_disagrees(const ra_expected_t *expected, const ra_cert_t *cert, apr_pool_t *pool)
{
    ra_ca_request_t wanted;
    int years = (int)ra_json_get_int(parse(expected->snapshot, pool), "validity_years", 0);

    if (ra_snapshot_request(&wanted, expected->snapshot, expected->since, pool) != APR_SUCCESS) {
        return &unreadable_snapshot;
    }
    if (!ra_bytes_equal(cert->key.spki, expected->spki)) {
        return &other_key;
    }
    if (!ra_name_equal(&cert->subject, wanted.subject, wanted.subject_count)) {
        return &other_subject;
    }
    if (!names_agree(&wanted, cert, pool)) {
        return &other_names;
    }
    if (!same_words(wanted.key_usage, cert->key_usage, pool) || !same_words(wanted.ext_key_usage, cert->ext_key_usage, pool)) {
        return &other_usage;
    }
    if (!validity_agrees(expected, cert, years)) {
        return &other_validity;
    }
    return cert->is_ca ? &ca_certificate : NULL;
}
