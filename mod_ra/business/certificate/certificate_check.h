/*
 * The certificate checker: what is wrong with a certificate for logging in here, for people whom the handshake refuses without a word (domain.md §16).
 * Layer: business. Says nothing about whom a certificate is registered for.
 */
#ifndef RA_BUSINESS_CERTIFICATE_CHECK_H
#define RA_BUSINESS_CERTIFICATE_CHECK_H

#include "business/people/principal.h"

/**
 * The CertificateCheck of the API.
 * @param content DER, or PEM with nothing beside one certificate
 * RA_EREFUSED with RA_PROBLEM_CERTIFICATE_UNREADABLE
 */
apr_status_t ra_certificate_check(ra_json_t **pcheck, const ra_act_t *act, ra_bytes_t content);

#endif
