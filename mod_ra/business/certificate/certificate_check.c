/* The certificate checker. Layer: business. Thread rule: as its transaction. */
#include "business/certificate/certificate_check.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/x509.h"
#include "business/service/knowledge.h"

/* What is known of a certificate, as far as logging in goes. */
typedef struct facts_t {
    const ra_act_t *act;
    const ra_cert_t *cert;
    apr_time_t now;
    int is_registered; /* for somebody who may act now */
    int is_revoked;
    int is_suspended;
} facts_t;

/* --- what can be wrong ------------------------------------------------------------------------------------------ */

/* The dates are findings of their own. */
static int is_foreign(const facts_t *facts)
{
    const ra_trust_t *trust = facts->act->ra->settings->credential_trust;

    return trust && ra_trust_verify(trust, facts->cert, RA_ANY_TIME, ra_result_make(facts->act->tx->pool)) != APR_SUCCESS;
}

static int is_revoked(const facts_t *facts)
{
    return facts->is_revoked;
}

static int is_suspended(const facts_t *facts)
{
    return facts->is_suspended && !facts->is_revoked;
}

static int is_expired(const facts_t *facts)
{
    return facts->cert->not_after <= facts->now;
}

static int is_early(const facts_t *facts)
{
    return facts->cert->not_before > facts->now;
}

/* Absent usages mean any (RFC 5280 §4.2.1.3, §4.2.1.12). */
static int is_for_something_else(const facts_t *facts)
{
    const ra_cert_t *cert = facts->cert;

    return cert->is_ca || (*cert->key_usage && !strstr(cert->key_usage, "digitalSignature")) ||
           (*cert->ext_key_usage && !strstr(cert->ext_key_usage, "clientAuth"));
}

static int is_unknown(const facts_t *facts)
{
    return !facts->is_registered;
}

/* In the order in which the handshake and the server look. */
static const struct {
    int (*holds)(const facts_t *facts);
    const char *finding;
    const char *fault; /* its digits; NULL: the source has no code for it */
    const char *zh;
    const char *en;
    const char *advice_zh;
    const char *advice_en;
} rows[] = {
    {is_foreign, "foreign_issuer", "10101029", "此证书不是由本系统信任的 CA 签发的。", "The certificate is not from a CA that this system trusts.",
     "请使用本中心发放的证书；插有多个 EKey 时请选择正确的一个。", "Use the certificate that this centre handed out; with several EKeys choose the right one."},
    {is_revoked, "revoked", NULL, "此证书已被吊销。", "The certificate has been revoked.", "如需继续使用，请办理证书新制。",
     "Apply for a new certificate if you still need one."},
    {is_suspended, "suspended", NULL, "此证书已被挂起。", "The certificate is suspended.", "请到受理点办理解挂。", "Apply for resumption at the counter."},
    {is_expired, "expired", "10101039", "此证书已过期。", "The certificate has expired.", "请携带材料办理到期更新。", "Bring the papers and apply for a renewal."},
    {is_early, "not_yet_valid", NULL, "此证书尚未生效。", "The certificate is not yet in force.", "请在生效日期之后使用，并核对计算机的日期。",
     "Use it after it has come into force, and check the date of the computer."},
    {is_for_something_else, "wrong_usage", "10101011", "此证书的用途不含登录：浏览器不会列出它。",
     "The certificate is not meant for logging in: a browser does not offer it.", "请选择签名证书，不要选择加密证书、服务器证书或 CA 证书。",
     "Choose the signing certificate, not an encryption, server or CA certificate."},
    {is_unknown, "unknown", "10101042", "此证书没有在本系统中登记，或者已被停用。", "The certificate is not registered here, or has been disabled.",
     "工作人员请联系系统管理员登记；订户的证书用于业务系统，不用于登录本系统。",
     "Staff ask the administrator to register it; certificates of subscribers are for the business systems, not for logging in here."},
};

/* --- the answer ------------------------------------------------------------------------------------------------- */

/* Cause and remedy of the fault code, where the knowledge base has it. */
static apr_status_t add_fault(ra_json_t *finding, const ra_act_t *act, const char *digits)
{
    ra_json_t *faults = NULL;
    apr_status_t status = digits ? ra_knowledge_list(&faults, act->tx, RA_KNOWLEDGE_FAULT, digits) : APR_SUCCESS;

    if (status == APR_SUCCESS && faults) {
        ra_json_set_copy(finding, "fault", ra_json_first(faults));
    }
    return status;
}

static apr_status_t add_findings(ra_json_t *check, const facts_t *facts)
{
    ra_json_t *findings = ra_json_set_array(check, "findings");
    apr_status_t status = APR_SUCCESS;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && status == APR_SUCCESS; i++) {
        ra_json_t *finding;

        if (!rows[i].holds(facts)) {
            continue;
        }
        finding = ra_json_add_object(findings);
        ra_json_set_string(finding, "finding", rows[i].finding);
        ra_json_set_texts(finding, "texts", rows[i].zh, rows[i].en);
        ra_json_set_texts(finding, "advice", rows[i].advice_zh, rows[i].advice_en);
        status = add_fault(finding, facts->act, rows[i].fault);
    }
    ra_json_set_bool(check, "usable", ra_json_size(findings) == 0);
    return status;
}

/* What its holder has before the eyes: to see that it is the right file. */
static void add_certificate(ra_json_t *check, const ra_cert_t *cert, apr_pool_t *pool)
{
    ra_json_t *json = ra_json_set_object(check, "certificate");

    ra_json_set_string(json, "subject", cert->subject.text);
    ra_json_set_string(json, "issuer", cert->issuer.text);
    ra_json_set_string(json, "serial", cert->serial);
    ra_json_set_string(json, "not_before", ra_rfc3339(cert->not_before, pool));
    ra_json_set_string(json, "not_after", ra_rfc3339(cert->not_after, pool));
    ra_json_set_string(json, "sha256", ra_hex(ra_bytes_of(cert->sha256, RA_SHA256_BYTES), pool));
}

/* --- the question ----------------------------------------------------------------------------------------------- */

static const char facts_sql[] =
    "SELECT EXISTS (SELECT 1 FROM credentials c JOIN principals p ON p.id = c.principal_id"
    "  WHERE c.sha256 = ? AND c.disabled_at IS NULL AND p.disabled_at IS NULL) AS registered,"
    " EXISTS (SELECT 1 FROM certificates WHERE sha256 = ? AND revoked_at IS NOT NULL) AS revoked,"
    " EXISTS (SELECT 1 FROM certificates WHERE sha256 = ? AND suspended_at IS NOT NULL) AS suspended";

static apr_status_t read_facts(facts_t *facts, const ra_act_t *act, const ra_cert_t *cert)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, facts_sql, RA_VALUES(ra_v_hash(cert->sha256), ra_v_hash(cert->sha256), ra_v_hash(cert->sha256)));

    if (status == APR_SUCCESS) {
        facts->act = act;
        facts->cert = cert;
        facts->now = apr_time_now();
        facts->is_registered = (int)ra_json_get_int(row, "registered", 0);
        facts->is_revoked = (int)ra_json_get_int(row, "revoked", 0);
        facts->is_suspended = (int)ra_json_get_int(row, "suspended", 0);
    }
    return status;
}

/* A DER SEQUENCE begins with 0x30, which is '0': no PEM begins like that. */
static apr_status_t parse(ra_cert_t **pcert, const ra_act_t *act, ra_bytes_t content)
{
    apr_pool_t *pool = act->tx->pool;
    apr_status_t status = APR_EINVAL;

    if (content.len > 0 && content.len <= RA_CERT_MAX_BYTES) {
        status = content.data[0] == 0x30 ? ra_cert_parse(pcert, content, act->tx->result, pool)
                 : memchr(content.data, '\0', content.len)
                     ? APR_EINVAL
                     : ra_cert_parse_pem(pcert, apr_pstrmemdup(pool, (const char *)content.data, content.len), act->tx->result, pool);
    }
    return status == APR_SUCCESS ? APR_SUCCESS : ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_UNREADABLE, NULL);
}

apr_status_t ra_certificate_check(ra_json_t **pcheck, const ra_act_t *act, ra_bytes_t content)
{
    facts_t facts;
    ra_cert_t *cert;
    apr_status_t status = parse(&cert, act, content);

    if (status == APR_SUCCESS) {
        status = read_facts(&facts, act, cert);
    }
    if (status == APR_SUCCESS) {
        *pcheck = ra_json_object_make(act->tx->pool);
        add_certificate(*pcheck, cert, act->tx->pool);
        status = add_findings(*pcheck, &facts);
    }
    return status;
}
