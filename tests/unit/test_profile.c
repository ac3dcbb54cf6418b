/* What the reviewer approved against what the CA made: every difference is found, and nothing else is taken for one. */
#include "unit.h"

#include <openssl/ec.h>

#include "base/ident.h"
#include "business/certificate/profile.h"
#include "cert_fixture.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define DAY ((apr_time_t)86400 * APR_USEC_PER_SEC)
#define HOUR ((apr_time_t)3600 * APR_USEC_PER_SEC)
#define SECOND ((apr_time_t)APR_USEC_PER_SEC)

static EVP_PKEY *key, *other_key;
static apr_time_t now; /* 2026-11-23T08:15:30Z */

static const char person_snapshot[] = "{\"ext_key_usage\":\"clientAuth,emailProtection\",\"key_algorithms\":[\"ec_"
                                      "p256\"],\"key_usage\":\"digitalSignature,nonRepudiation\","
                                      "\"subject\":[{\"type\":\"C\",\"value\":\"CN\"},{\"type\":\"O\",\"value\":"
                                      "\"山西易联众信息技术有限公司\"},{\"type\":\"CN\",\"value\":\"张三\"}],"
                                      "\"validity_years\":1}";
static const char encryption_snapshot[] =
    "{\"ext_key_usage\":\"\",\"key_algorithms\":[\"rsa\"],\"key_usage\":\"keyEncipherment,dataEncipherment\","
    "\"subject\":[{\"type\":\"CN\",\"value\":\"张三\"}],\"validity_years\":2}";
static const char server_snapshot[] =
    "{\"dns_names\":[\"www.example.cn\",\"api.example.cn\"],\"ext_key_usage\":\"serverAuth\",\"ip_addresses\":[\"192.0."
    "2.1\",\"2001:db8::1\"],"
    "\"key_algorithms\":[\"rsa\",\"ec_p256\"],\"key_usage\":\"digitalSignature,keyEncipherment\","
    "\"subject\":[{\"type\":\"CN\",\"value\":\"www.example.cn\"}],\"validity_years\":1}";

static const char *const person_subject[][2] = {
    {"C", "CN"}, {"O", "山西易联众信息技术有限公司"}, {"CN", "张三"}, {NULL, NULL}};
static const char *const server_subject[][2] = {{"CN", "www.example.cn"}, {NULL, NULL}};
static const char *const encryption_subject[][2] = {{"CN", "张三"}, {NULL, NULL}};

static cert_wish_t person_wish(void)
{
    return (cert_wish_t){
        .key = key,
        .subject = person_subject,
        .key_usage = "critical,digitalSignature,nonRepudiation",
        .ext_key_usage = "clientAuth,emailProtection",
        .constraints = "critical,CA:FALSE",
        .not_before = now,
        .not_after = now + 365 * DAY,
    };
}

static cert_wish_t server_wish(void)
{
    return (cert_wish_t){
        .key = key,
        .subject = server_subject,
        .names = "DNS:www.example.cn,DNS:api.example.cn,IP:192.0.2.1,IP:2001:db8::1",
        .key_usage = "digitalSignature,keyEncipherment",
        .ext_key_usage = "serverAuth",
        .not_before = now,
        .not_after = now + 365 * DAY,
    };
}

static const char *difference(const char *snapshot, const cert_wish_t *wish, apr_pool_t *pool)
{
    ra_expected_t expected = {snapshot, cert_spki(key, pool), now, now, HOUR};
    const ra_difference_t *found = ra_snapshot_disagrees(&expected, cert_made(wish, pool), pool);

    return found ? found->text : NULL;
}

static void assert_agrees(const char *snapshot, const cert_wish_t *wish, apr_pool_t *pool)
{
    const char *text = difference(snapshot, wish, pool);

    if (text) {
        fail_msg("the certificate should agree: %s", text);
    }
}

static void assert_differs(const char *snapshot, const cert_wish_t *wish, const char *wanted, apr_pool_t *pool)
{
    const char *text = difference(snapshot, wish, pool);

    if (!text) {
        fail_msg("not found: %s", wanted);
        return;
    }
    assert_string_equal(text, wanted);
}

/* ---- comparing ---- */

static void test_certificates_as_approved_agree(void **state)
{
    cert_wish_t person = person_wish(), server = server_wish(), encryption = person_wish();

    encryption.subject = encryption_subject;
    encryption.key_usage = "keyEncipherment,dataEncipherment";
    encryption.ext_key_usage = NULL;
    encryption.not_after = now + 731 * DAY; /* two years with 2028-02-29 in them */
    assert_agrees(person_snapshot, &person, *state);
    assert_agrees(server_snapshot, &server, *state);
    assert_agrees(encryption_snapshot, &encryption, *state);
    person.constraints = NULL;
    assert_agrees(person_snapshot, &person, *state);
}

static void test_another_key_is_found(void **state)
{
    cert_wish_t wish = person_wish();

    wish.key = other_key;
    assert_differs(person_snapshot, &wish, "another public key", *state);
}

static void test_every_other_subject_is_found(void **state)
{
    static const char *const subjects[][6][2] = {
        {{"C", "CN"}, {"O", "山西易联众信息技术有限公司"}, {"CN", "李四"}},
        {{"C", "CN"}, {"O", "山西易联众信息技术有限公司"}, {"CN", "张三 "}},
        {{"C", "CN"}, {"O", "山西易联众信息技术有限公司"}, {"CN", "张三三"}},
        {{"C", "TW"}, {"O", "山西易联众信息技术有限公司"}, {"CN", "张三"}},
        {{"C", "CN"}, {"OU", "山西易联众信息技术有限公司"}, {"CN", "张三"}},
        {{"CN", "张三"}, {"O", "山西易联众信息技术有限公司"}, {"C", "CN"}},
        {{"C", "CN"}, {"CN", "张三"}, {"O", "山西易联众信息技术有限公司"}},
        {{"C", "CN"}, {"CN", "张三"}},
        {{"C", "CN"}, {"O", "山西易联众信息技术有限公司"}},
        {{"C", "CN"}, {"O", "山西易联众信息技术有限公司"}, {"OU", "财务"}, {"CN", "张三"}},
        {{"C", "CN"}, {"O", "山西易联众信息技术有限公司"}, {"CN", "张三"}, {"CN", "李四"}},
        {{"C", "CN"}, {"O", "山西易联众信息技术有限公司"}, {"+CN", "张三"}},
        {{NULL, NULL}},
    };

    for (int i = 0; i < COUNT(subjects); i++) {
        cert_wish_t wish = person_wish();

        wish.subject = subjects[i];
        assert_differs(person_snapshot, &wish, "another subject", *state);
    }
}

static void test_every_other_alternative_name_is_found(void **state)
{
    static const char *const names[] = {
        NULL,
        "DNS:www.example.cn",
        "DNS:www.example.cn,DNS:api.example.cn",
        "DNS:www.example.cn,IP:192.0.2.1,IP:2001:db8::1",
        "DNS:www.example.cn,DNS:api.example.cn,IP:192.0.2.1",
        "DNS:www.example.cn,DNS:api.example.cn,IP:192.0.2.1,IP:2001:db8::2",
        "DNS:www.example.cn,DNS:api.example.cn,IP:192.0.2.10,IP:2001:db8::1",
        "DNS:www.example.cn,DNS:app.example.cn,IP:192.0.2.1,IP:2001:db8::1",
        "DNS:www.example.cn,DNS:api.example.cn.evil.cn,IP:192.0.2.1,IP:2001:db8::1",
        "DNS:www.example.cn,DNS:*.example.cn,IP:192.0.2.1,IP:2001:db8::1",
        "DNS:www.example.cn,DNS:api.example.cn,DNS:more.example.cn,IP:192.0.2.1,IP:2001:db8::1",
        "DNS:www.example.cn,DNS:api.example.cn,IP:192.0.2.1,IP:192.0.2.2,IP:2001:db8::1",
        "DNS:www.example.cn,DNS:www.example.cn,IP:192.0.2.1,IP:2001:db8::1",
    };
    cert_wish_t wish = server_wish();

    for (int i = 0; i < COUNT(names); i++) {
        wish.names = names[i];
        assert_differs(server_snapshot, &wish, "other subject alternative names", *state);
    }
    wish = person_wish();
    wish.names = "DNS:www.example.cn";
    assert_differs(person_snapshot, &wish, "other subject alternative names", *state);
    wish.names = "IP:192.0.2.1";
    assert_differs(person_snapshot, &wish, "other subject alternative names", *state);
}

/* RFC 5280 §7.2: host names are compared without case; a set has no order. */
static void test_order_and_case_of_host_names_do_not_matter(void **state)
{
    cert_wish_t wish = server_wish();

    wish.names = "IP:2001:db8::1,DNS:API.example.cn,IP:192.0.2.1,DNS:www.EXAMPLE.cn";
    assert_agrees(server_snapshot, &wish, *state);
}

static void test_every_other_key_usage_is_found(void **state)
{
    static const char *const usages[] = {
        NULL,
        "digitalSignature",
        "nonRepudiation",
        "digitalSignature,keyEncipherment",
        "digitalSignature,nonRepudiation,keyEncipherment",
        "digitalSignature,nonRepudiation,keyCertSign",
        "digitalSignature,nonRepudiation,cRLSign",
        "digitalSignature,nonRepudiation,decipherOnly",
    };

    for (int i = 0; i < COUNT(usages); i++) {
        cert_wish_t wish = person_wish();

        wish.key_usage = usages[i];
        assert_differs(person_snapshot, &wish, "another key usage", *state);
    }
}

static void test_every_other_extended_key_usage_is_found(void **state)
{
    static const char *const usages[] = {
        NULL,
        "clientAuth",
        "emailProtection",
        "serverAuth",
        "clientAuth,serverAuth",
        "clientAuth,emailProtection,serverAuth",
        "clientAuth,emailProtection,anyExtendedKeyUsage",
        "clientAuth,emailProtection,OCSPSigning",
        "clientAuth,emailProtection,1.2.3.4.5",
    };
    cert_wish_t wish;

    for (int i = 0; i < COUNT(usages); i++) {
        wish = person_wish();
        wish.ext_key_usage = usages[i];
        assert_differs(person_snapshot, &wish, "another key usage", *state);
    }
    wish = person_wish();
    wish.subject = encryption_subject;
    wish.key_usage = "keyEncipherment,dataEncipherment";
    wish.ext_key_usage = "clientAuth"; /* where none was approved */
    wish.not_after = now + 731 * DAY;
    assert_differs(encryption_snapshot, &wish, "another key usage", *state);
}

static void test_order_of_usages_does_not_matter(void **state)
{
    cert_wish_t wish = person_wish();

    wish.ext_key_usage = "emailProtection,clientAuth";
    assert_agrees(person_snapshot, &wish, *state);
}

typedef struct shift_t {
    apr_time_t before;
    apr_time_t after;
    int agrees;
} shift_t;

/* The tolerance of these tests is one hour, to either side and at both ends. */
static void test_validity_is_held_to_the_tolerance_at_both_ends(void **state)
{
    static const shift_t shifts[] = {
        {0, 0, 1},
        {-HOUR, 0, 1},
        {HOUR, 0, 1},
        {0, -HOUR, 1},
        {0, HOUR, 1},
        {-HOUR, HOUR, 1},
        {-HOUR - SECOND, 0, 0},
        {HOUR + SECOND, 0, 0},
        {0, -HOUR - SECOND, 0},
        {0, HOUR + SECOND, 0},
        {-365 * DAY, 0, 0},
        {0, 365 * DAY, 0},
        {0, -365 * DAY, 0},
        {DAY, DAY, 0},
        {0, (apr_time_t)365 * 100 * DAY, 0},
    };

    for (int i = 0; i < COUNT(shifts); i++) {
        cert_wish_t wish = person_wish();

        wish.not_before += shifts[i].before;
        wish.not_after += shifts[i].after;
        if (shifts[i].agrees) {
            assert_agrees(person_snapshot, &wish, *state);
        } else {
            assert_differs(person_snapshot, &wish, "another validity", *state);
        }
    }
}

static void test_a_ca_certificate_is_found(void **state)
{
    cert_wish_t wish = person_wish();

    wish.constraints = "CA:TRUE";
    assert_differs(person_snapshot, &wish, "a CA certificate", *state);
    wish.constraints = "critical,CA:TRUE,pathlen:0";
    assert_differs(person_snapshot, &wish, "a CA certificate", *state);
}

/* "Could not tell" is a refusal. */
static void test_nothing_agrees_with_a_snapshot_that_cannot_be_read(void **state)
{
    static const char *const snapshots[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"validity_years\":0}",
        "{\"validity_years\":-1}",
        "{\"validity_years\":\"1\"}",
        "{\"validity_years\":1,\"validity_years\":1}",
    };
    cert_wish_t wish = person_wish();
    ra_ca_request_t request;

    for (int i = 0; i < COUNT(snapshots); i++) {
        assert_differs(snapshots[i], &wish, "the snapshot cannot be read", *state);
        assert_int_not_equal(ra_snapshot_request(&request, snapshots[i], now, *state), APR_SUCCESS);
    }
}

/* ---- the request to the CA ---- */

/* Approved twice in different case, or beside an address that nobody approved: found. */
static void test_a_name_that_was_not_approved_is_found(void **state)
{
    cert_wish_t wish = server_wish();
    const char *twice = "{\"dns_names\":[\"www.example.cn\",\"WWW.example.cn\"],\"ext_key_usage\":\"serverAuth\","
                        "\"key_usage\":\"digitalSignature,keyEncipherment\","
                        "\"subject\":[{\"type\":\"CN\",\"value\":\"www.example.cn\"}],\"validity_years\":1}";

    wish.names = "DNS:www.example.cn,DNS:evil.example.cn";
    assert_string_equal(difference(twice, &wish, *state), "other subject alternative names");
    wish.names = "DNS:www.example.cn,DNS:api.example.cn,IP:192.0.2.1,IP:2001:db8::1,email:evil@example.cn";
    assert_string_equal(difference(server_snapshot, &wish, *state), "other subject alternative names");
    wish = person_wish();
    wish.names = "email:evil@example.cn";
    assert_string_equal(difference(person_snapshot, &wish, *state), "other subject alternative names");
}

static void test_an_address_agrees_however_it_was_written(void **state)
{
    cert_wish_t wish = server_wish();
    const char *written = "{\"ip_addresses\":[\"2001:DB8:0:0:0:0:0:1\"],\"ext_key_usage\":\"serverAuth\","
                          "\"key_usage\":\"digitalSignature,keyEncipherment\","
                          "\"subject\":[{\"type\":\"CN\",\"value\":\"www.example.cn\"}],\"validity_years\":1}";

    wish.names = "IP:2001:db8::1";
    assert_agrees(written, &wish, *state);
}

/* The CA may answer a day later with a certificate of today or of then, but not of before. */
static void test_a_late_answer_may_be_of_any_time_since_it_was_asked_for(void **state)
{
    cert_wish_t wish = person_wish();
    ra_expected_t expected = {person_snapshot, cert_spki(key, *state), now - 2 * DAY, now, HOUR};

    assert_null(ra_snapshot_disagrees(&expected, cert_made(&wish, *state), *state));
    wish.not_before = now - 2 * DAY;
    wish.not_after = wish.not_before + 365 * DAY;
    assert_null(ra_snapshot_disagrees(&expected, cert_made(&wish, *state), *state));
    wish.not_before = now - 3 * DAY;
    wish.not_after = wish.not_before + 365 * DAY;
    assert_string_equal(ra_snapshot_disagrees(&expected, cert_made(&wish, *state), *state)->text, "another validity");
}

typedef struct days_t {
    const char *from;
    int years;
    int days;
} days_t;

/* Whole years are counted by the calendar: the day of the same date, and 28 February where 29 February does not exist.
 */
static const days_t days_table[] = {
    {"2026-11-23T08:15:30Z", 1, 365},  {"2026-11-23T08:15:30Z", 2, 731}, /* over 2028-02-29 */
    {"2026-11-23T08:15:30Z", 3, 1096}, {"2026-11-23T08:15:30Z", 5, 1826},
    {"2027-02-27T00:00:00Z", 1, 365},  {"2027-02-28T00:00:00Z", 1, 365},
    {"2027-02-28T23:59:59Z", 1, 365},  {"2027-03-01T00:00:00Z", 1, 366},
    {"2028-01-31T12:00:00Z", 1, 366},  {"2028-02-28T12:00:00Z", 1, 366},
    {"2028-02-29T00:00:00Z", 1, 365}, /* to 2029-02-28 */
    {"2028-02-29T23:59:59Z", 1, 365},  {"2028-02-29T12:00:00Z", 2, 730},
    {"2028-02-29T12:00:00Z", 3, 1095}, {"2028-02-29T12:00:00Z", 4, 1461}, {"2028-03-01T00:00:00Z", 1, 365},
    {"2028-12-31T23:59:59Z", 1, 365},  {"2027-12-31T23:59:59Z", 1, 366},
    {"2099-06-01T00:00:00Z", 1, 365}, /* 2100 is no leap year */
    {"2096-11-23T00:00:00Z", 5, 1825},
};

static void test_validity_is_counted_in_calendar_years(void **state)
{
    for (int i = 0; i < COUNT(days_table); i++) {
        const char *snapshot =
            apr_psprintf(*state, "{\"key_usage\":\"\",\"ext_key_usage\":\"\",\"subject\":[],\"validity_years\":%d}",
                         days_table[i].years);
        ra_ca_request_t request;
        apr_time_t from;

        assert_int_equal(ra_rfc3339_parse(&from, days_table[i].from), APR_SUCCESS);
        assert_int_equal(ra_snapshot_request(&request, snapshot, from, *state), APR_SUCCESS);
        if (request.validity_days != days_table[i].days) {
            fail_msg("%s and %d years: %d days instead of %d", days_table[i].from, days_table[i].years,
                     request.validity_days, days_table[i].days);
        }
    }
}

static void test_the_request_says_what_the_snapshot_says(void **state)
{
    ra_ca_request_t request;

    memset(&request, 0x5a, sizeof(request));
    assert_int_equal(ra_snapshot_request(&request, server_snapshot, now, *state), APR_SUCCESS);
    assert_int_equal(request.subject_count, 1);
    assert_string_equal(request.subject[0].type, "CN");
    assert_string_equal(request.subject[0].value, "www.example.cn");
    assert_string_equal(request.dns_names[0], "www.example.cn");
    assert_string_equal(request.dns_names[1], "api.example.cn");
    assert_null(request.dns_names[2]);
    assert_string_equal(request.ip_names[0], "192.0.2.1");
    assert_string_equal(request.ip_names[1], "2001:db8::1");
    assert_null(request.ip_names[2]);
    assert_string_equal(request.key_usage, "digitalSignature,keyEncipherment");
    assert_string_equal(request.ext_key_usage, "serverAuth");
    assert_int_equal(request.validity_days, 365);
    assert_int_equal(request.spki.len, 0);
    assert_int_equal(request.csr.len, 0);
}

static void test_only_reviewed_kinds_of_key_are_allowed(void **state)
{
    static const ra_key_kind_e kinds[] = {RA_KEY_OTHER, RA_KEY_RSA, RA_KEY_EC_P256, RA_KEY_SM2};

    for (int i = 0; i < COUNT(kinds); i++) {
        ra_key_t subject_key = {.kind = kinds[i]};

        assert_int_equal(ra_snapshot_allows_key(person_snapshot, &subject_key, *state), kinds[i] == RA_KEY_EC_P256);
        assert_int_equal(ra_snapshot_allows_key(encryption_snapshot, &subject_key, *state), kinds[i] == RA_KEY_RSA);
        assert_int_equal(ra_snapshot_allows_key(server_snapshot, &subject_key, *state),
                         kinds[i] == RA_KEY_RSA || kinds[i] == RA_KEY_EC_P256);
        assert_int_equal(ra_snapshot_allows_key("{}", &subject_key, *state), 0);
        assert_int_equal(ra_snapshot_allows_key("{", &subject_key, *state), 0);
    }
}

/* ---- profiles and building ---- */

static void assert_profile(ra_kind_e kind, const char *usage, const char *key_usage, const char *ext_key_usage)
{
    const ra_profile_t *profile = ra_profile_of(NULL, kind, usage);

    assert_string_equal(profile->key_usage, key_usage);
    assert_string_equal(profile->ext_key_usage, ext_key_usage);
}

/* A signing key never enciphers and an encryption key never signs (domain.md §2, §18.10). */
static void test_profiles_keep_signing_and_encryption_apart(void **state)
{
    (void)state;
    assert_profile(RA_KIND_PERSON, "signing", "digitalSignature,nonRepudiation", "clientAuth,emailProtection");
    assert_profile(RA_KIND_ORGANISATION, "signing", "digitalSignature,nonRepudiation", "clientAuth,emailProtection");
    assert_profile(RA_KIND_PERSON, "encryption", "keyEncipherment,dataEncipherment", "");
    assert_profile(RA_KIND_ORGANISATION, "encryption", "keyEncipherment,dataEncipherment", "");
    assert_profile(RA_KIND_SERVER, "signing", "digitalSignature,keyEncipherment", "serverAuth");
}

static void build(ra_application_t *application, const char *certificate, apr_pool_t *pool)
{
    ra_tx_t tx = {.pool = pool};
    ra_settings_t settings = {0};
    ra_t ra = {.settings = &settings};
    ra_act_t act = {.ra = &ra, .tx = &tx};
    ra_json_t *json;
    ra_json_error_t error;

    *application = (ra_application_t){
        .id = "0193-id",
        .number = "2026112300000001",
        .business = ra_business_find("issue"),
        .kind = RA_KIND_ORGANISATION,
        .usage = "signing",
        .subscriber_id = "0193-subscriber",
    };
    assert_int_equal(ra_json_parse(&json, certificate, strlen(certificate), &ra_json_limits_request, &error, pool),
                     APR_SUCCESS);
    assert_int_equal(ra_snapshot_build(&act, application, json), APR_SUCCESS);
}

static void test_a_snapshot_is_canonical_and_its_hash_covers_it(void **state)
{
    ra_application_t application, again;
    unsigned char digest[RA_SHA256_BYTES];

    build(&application,
          "{\"subject\":{\"common_name\":\"张三\",\"organizational_unit\":\"财务\",\"organization\":\"公司\","
          "\"locality\":\"太原市\","
          "\"state_or_province\":\"山西省\",\"country\":\"CN\"},\"key_algorithms\":[\"rsa\"],\"validity_years\":2}",
          *state);
    assert_string_equal(
        application.snapshot,
        "{\"application_id\":\"0193-id\",\"business\":\"issue\",\"ext_key_usage\":\"clientAuth,emailProtection\","
        "\"key_algorithms\":[\"rsa\"],\"key_usage\":\"digitalSignature,nonRepudiation\",\"kind\":\"organisation\","
        "\"number\":\"2026112300000001\",\"profile\":\"subscriber-signing\",\"subject\":["
        "{\"type\":\"C\",\"value\":\"CN\"},{\"type\":\"ST\",\"value\":\"山西省\"},{\"type\":\"L\",\"value\":\"太原市\"}"
        ","
        "{\"type\":\"O\",\"value\":\"公司\"},{\"type\":\"OU\",\"value\":\"财务\"},{\"type\":\"CN\",\"value\":\"张三\"}]"
        ","
        "\"subscriber_id\":\"0193-subscriber\",\"usage\":\"signing\",\"validity_years\":2}");
    ra_sha256(digest, application.snapshot, strlen(application.snapshot));
    assert_string_equal(application.snapshot_sha256, ra_hex(ra_bytes_of(digest, sizeof(digest)), *state));
    build(
        &again,
        "{\"validity_years\":2,\"key_algorithms\":[\"rsa\"],\"subject\":{\"country\":\"CN\",\"state_or_province\":"
        "\"山西省\","
        "\"locality\":\"太原市\",\"organization\":\"公司\",\"organizational_unit\":\"财务\",\"common_name\":\"张三\"}}",
        *state);
    assert_string_equal(again.snapshot_sha256, application.snapshot_sha256);
}

static void test_whatever_is_entered_otherwise_changes_the_hash(void **state)
{
    static const char *const entries[] = {
        "{\"subject\":{\"common_name\":\"a\"},\"key_algorithms\":[\"rsa\"],\"validity_years\":1}",
        "{\"subject\":{\"common_name\":\"b\"},\"key_algorithms\":[\"rsa\"],\"validity_years\":1}",
        "{\"subject\":{\"common_name\":\"a\",\"organization\":\"a\"},\"key_algorithms\":[\"rsa\"],\"validity_years\":"
        "1}",
        "{\"subject\":{\"common_name\":\"a\",\"organizational_unit\":\"a\"},\"key_algorithms\":[\"rsa\"],\"validity_"
        "years\":1}",
        "{\"subject\":{\"common_name\":\"a\"},\"key_algorithms\":[\"ec_p256\"],\"validity_years\":1}",
        "{\"subject\":{\"common_name\":\"a\"},\"key_algorithms\":[\"rsa\",\"ec_p256\"],\"validity_years\":1}",
        "{\"subject\":{\"common_name\":\"a\"},\"key_algorithms\":[\"rsa\"],\"validity_years\":2}",
        "{\"subject\":{\"common_name\":\"a\"},\"dns_names\":[\"a.cn\"],\"key_algorithms\":[\"rsa\"],\"validity_years\":"
        "1}",
        "{\"subject\":{\"common_name\":\"a\"},\"ip_addresses\":[\"192.0.2.1\"],\"key_algorithms\":[\"rsa\"],\"validity_"
        "years\":1}",
    };
    ra_application_t built[COUNT(entries)];

    for (int i = 0; i < COUNT(entries); i++) {
        build(&built[i], entries[i], *state);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(built[i].snapshot_sha256, built[j].snapshot_sha256);
        }
    }
}

static int make_keys(void **state)
{
    (void)state;
    key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    return key && other_key && ra_rfc3339_parse(&now, "2026-11-23T08:15:30Z") == APR_SUCCESS ? 0 : -1;
}

static int drop_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_certificates_as_approved_agree),
        UNIT_TEST(test_another_key_is_found),
        UNIT_TEST(test_every_other_subject_is_found),
        UNIT_TEST(test_every_other_alternative_name_is_found),
        UNIT_TEST(test_order_and_case_of_host_names_do_not_matter),
        UNIT_TEST(test_every_other_key_usage_is_found),
        UNIT_TEST(test_every_other_extended_key_usage_is_found),
        UNIT_TEST(test_order_of_usages_does_not_matter),
        UNIT_TEST(test_validity_is_held_to_the_tolerance_at_both_ends),
        UNIT_TEST(test_a_ca_certificate_is_found),
        UNIT_TEST(test_nothing_agrees_with_a_snapshot_that_cannot_be_read),
        UNIT_TEST(test_a_name_that_was_not_approved_is_found),
        UNIT_TEST(test_an_address_agrees_however_it_was_written),
        UNIT_TEST(test_a_late_answer_may_be_of_any_time_since_it_was_asked_for),
        UNIT_TEST(test_validity_is_counted_in_calendar_years),
        UNIT_TEST(test_the_request_says_what_the_snapshot_says),
        UNIT_TEST(test_only_reviewed_kinds_of_key_are_allowed),
        UNIT_TEST(test_profiles_keep_signing_and_encryption_apart),
        UNIT_TEST(test_a_snapshot_is_canonical_and_its_hash_covers_it),
        UNIT_TEST(test_whatever_is_entered_otherwise_changes_the_hash),
    };

    return apr_initialize() != APR_SUCCESS ? 1 : cmocka_run_group_tests(tests, make_keys, drop_keys);
}
