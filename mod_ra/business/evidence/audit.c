/* Audit rows. Layer: business. */
#include "business/evidence/audit.h"

#include "base/failpoint.h"
#include "base/ident.h"

static const char *actor_kind(const ra_act_t *act, const ra_audit_t *audit)
{
    if (!act->who) {
        return audit->host ? "unknown" : "ra";
    }
    return act->who->is_system ? "system" : "person";
}

static ra_value_t credential_hash(const ra_act_t *act, const ra_audit_t *audit)
{
    ra_bytes_t hash = {NULL, 0};

    if (act->who) {
        ra_hex_decode(&hash, act->who->credential_sha256, act->tx->pool);
    } else if (audit->certificate.data) {
        unsigned char *digest = apr_palloc(act->tx->pool, RA_SHA256_BYTES);

        ra_sha256(digest, audit->certificate.data, audit->certificate.len);
        hash = ra_bytes_of(digest, RA_SHA256_BYTES);
    }
    return ra_v_bytes(hash);
}

apr_status_t ra_audit_write(const ra_act_t *act, const ra_audit_t *audit)
{
    const char *id = ra_uuid_make(act->tx->pool);
    apr_status_t status;

    if (!id) {
        return APR_EGENERAL;
    }
    RA_FAILPOINT(audit_begin);
    if (RA_PLANTED(audit_row_missing)) {
        return APR_SUCCESS;
    }
    status = ra_sql_change(act->tx, NULL,
                         "INSERT INTO audit_events (id, at, event, outcome, problem, actor_kind, actor_id, actor_name, credential_sha256,"
                         " host, client_ip, object_type, object_id, detail, trace_id)"
                         " VALUES (?, UTC_TIMESTAMP(6), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         RA_VALUES(ra_v_uuid(id), ra_v_text(audit->event), ra_v_text(audit->outcome), ra_v_text(audit->problem),
                                   ra_v_text(actor_kind(act, audit)), ra_v_uuid(act->who ? act->who->id : NULL),
                                   ra_v_text(act->who ? act->who->name : audit->actor_name),
                                   credential_hash(act, audit), ra_v_text(audit->host),
                                   ra_v_text(audit->client_ip), ra_v_text(audit->object_type), ra_v_uuid(audit->object_id),
                                   ra_v_json(audit->detail, act->tx->pool), ra_v_text(audit->trace_id)));
    RA_FAILPOINT(audit_written);
    return status;
}
