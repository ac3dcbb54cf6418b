/*
 * Signatures with SM2 and SM3 (GB/T 32918.2). The signer's identifier is part of what is signed; GM/T 0009 and 0015
 * demand 1234567812345678 in requests, certificates and CRLs, while OpenSSL 3.0 takes the empty one unless each object
 * is told.
 * Layer: base, for the files that hold OpenSSL's objects. Thread rule: free-threaded, but an object is prepared before it is shared.
 * An object that is not signed with SM2 is left as it is: OpenSSL refuses an identifier under another algorithm.
 */
#ifndef RA_BASE_SM2_H
#define RA_BASE_SM2_H

#include <openssl/x509.h>

#define RA_SM2_ID "1234567812345678"

/** To be called before the signature is verified. @return 0 when memory is short */
int ra_sm2_prepare_cert(X509 *cert);
int ra_sm2_prepare_request(X509_REQ *request);
/** The same for every certificate of a list; NULL is an empty one. */
int ra_sm2_prepare_certs(const STACK_OF(X509) *certs);
/** The same for every certificate of a trust store that nobody uses yet. */
int ra_sm2_prepare_store(const X509_STORE *store);

/** Is the CRL signed with this key, whatever its algorithm? OpenSSL has no way to set the identifier for a CRL. */
int ra_sm2_crl_verify(X509_CRL *crl, EVP_PKEY *key);

#endif
