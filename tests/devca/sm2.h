/*
 * Signatures of the CA, SM2 among them. With SM2 and SM3 the signer's identifier is 1234567812345678 (GM/T 0009, GM/T
 * 0015); OpenSSL 3.0 takes an empty one unless it is told for each signature and each object. Thread rule: free-threaded.
 */
#ifndef DEVCA_SM2_H
#define DEVCA_SM2_H

#include <openssl/cmp.h>
#include <openssl/x509.h>

/** Signs with SHA-256, or with SM3 and the identifier when the key is for SM2. @return 0 on failure */
int sign_cert(X509 *cert, EVP_PKEY *key);
int sign_crl(X509_CRL *crl, EVP_PKEY *key);

/** Before OpenSSL verifies a p10cr with SM2: tells its PKCS#10 the identifier. @return 0 on failure */
int sm2_prepare_message(OSSL_CMP_MSG *message);

#endif
