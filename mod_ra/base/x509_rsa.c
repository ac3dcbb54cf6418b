/*
 * RSA keys that must not be certified: size, exponent, and moduli that are known to be easy to factor.
 * Layer: base. Thread rule: free-threaded.
 */
#include "base/x509_internal.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/limits.h"

#define SMALL_FACTOR_MAX 1000
#define EXPONENT_BITS_MIN 17 /* with an odd exponent: at least 65537 */
#define EXPONENT_BITS_MAX 256
#define FERMAT_STEPS 100

/* Odd numbers do for odd primes: what a composite divides its primes divide too. */
static int has_small_factor(const BIGNUM *modulus)
{
    if (!BN_is_odd(modulus)) {
        return 1;
    }
    for (BN_ULONG factor = 3; factor < SMALL_FACTOR_MAX; factor += 2) {
        if (BN_mod_word(modulus, factor) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Is @a rest a power of 65537 modulo @a prime? */
static int is_power_of_65537(BN_ULONG rest, BN_ULONG prime)
{
    BN_ULONG power = 1;

    do {
        if (power == rest) {
            return 1;
        }
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return 0;
}

/*
 * ROCA (CVE-2017-15361): the primes of a faulty library are powers of 65537 modulo many small primes, and so is their
 * product. An honest modulus passes all of these primes by chance about once in 2^27.
 */
static int is_roca(const BIGNUM *modulus)
{
    static const unsigned char primes[] = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                           47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                           107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};

    for (size_t i = 0; i < sizeof(primes); i++) {
        if (!is_power_of_65537(BN_mod_word(modulus, primes[i]), primes[i])) {
            return 0;
        }
    }
    return 1;
}

/* The largest number whose square is at most @a n, by Newton's method from above. */
static int square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *numbers)
{
    BIGNUM *next = BN_new();
    int good = next && BN_set_word(next, 0) && BN_set_bit(next, (BN_num_bits(n) + 1) / 2);

    do {
        good = good && BN_copy(root, next) && BN_div(next, NULL, n, root, numbers) && BN_add(next, next, root) &&
               BN_rshift1(next, next);
    } while (good && BN_cmp(next, root) < 0);
    BN_free(next);
    return good;
}

/* Is a * a - n the square of a whole number? */
static int splits_at(const BIGNUM *a, const BIGNUM *n, BN_CTX *numbers)
{
    BIGNUM *rest = BN_new(), *root = BN_new();
    int splits = rest && root && BN_sqr(rest, a, numbers) && BN_sub(rest, rest, n) && !BN_is_negative(rest);

    if (splits && !BN_is_zero(rest)) {
        splits = square_root(root, rest, numbers) && BN_sqr(root, root, numbers) && BN_cmp(root, rest) == 0;
    }

    BN_free(rest);
    BN_free(root);
    return splits;
}

/* Fermat's method finds two primes that lie close together in a few steps (CVE-2022-26320). */
static int has_close_primes(const BIGNUM *modulus)
{
    BN_CTX *numbers = BN_CTX_new();
    BIGNUM *a = BN_new();
    int found = 0, good = numbers && a && square_root(a, modulus, numbers);

    for (int step = 0; good && !found && step < FERMAT_STEPS; step++) {
        found = splits_at(a, modulus, numbers);
        good = BN_add_word(a, 1);
    }
    BN_free(a);
    BN_CTX_free(numbers);
    return found || !good;
}

static const char *weakness_of(const BIGNUM *modulus, const BIGNUM *exponent)
{
    int bits = BN_num_bits(modulus), exponent_bits = BN_num_bits(exponent);

    if (bits < RA_RSA_MIN_BITS || bits > RA_RSA_MAX_BITS) {
        return RA_VIOLATION_KEY_SIZE;
    }
    if (!BN_is_odd(exponent) || exponent_bits < EXPONENT_BITS_MIN || exponent_bits > EXPONENT_BITS_MAX) {
        return RA_VIOLATION_KEY_EXPONENT;
    }
    return has_small_factor(modulus) || is_roca(modulus) || has_close_primes(modulus) ? RA_VIOLATION_KEY_KNOWN_WEAK
                                                                                      : NULL;
}

const char *ra_x509_rsa_weakness(const EVP_PKEY *key)
{
    BIGNUM *modulus = NULL, *exponent = NULL;
    const char *weakness = RA_VIOLATION_KEY_KIND;

    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1) {
        weakness = weakness_of(modulus, exponent);
    }
    BN_free(modulus);
    BN_free(exponent);
    return weakness;
}
