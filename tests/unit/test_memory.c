/* Memory that a pool of its own and a trim give back to the system. */
#include "unit.h"

#include <apr_file_io.h>
#include <unistd.h>

#include "base/memory.h"

#define MEBIBYTE (1024 * 1024)
#define PIECES 8192 /* of 8 KiB: 64 MiB */

/* MiB that are in memory now. */
static int resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return (int)(pages * sysconf(_SC_PAGESIZE) / MEBIBYTE);
}

static void fill(apr_pool_t *pool)
{
    for (int i = 0; i < PIECES; i++) {
        memset(apr_palloc(pool, 8000), i, 8000);
    }
}

static void test_what_a_large_job_has_used_goes_back(void **state)
{
    apr_pool_t *job;
    int before = resident(), full;

    (void)state;
    assert_int_equal(ra_pool_own(&job, NULL), APR_SUCCESS);
    fill(job);
    full = resident();
    assert_true(full >= before + 60);
    apr_pool_destroy(job);
    ra_memory_trim();
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory on purpose */
    assert_true(resident() <= before + 8);
#endif
}

static void test_a_pool_below_one_of_its_own_gives_back_when_it_is_cleared(void **state)
{
    apr_pool_t *job, *part;
    int before = resident();

    (void)state;
    assert_int_equal(ra_pool_own(&job, NULL), APR_SUCCESS);
    apr_pool_create(&part, job);
    fill(part);
    apr_pool_clear(part);
    ra_memory_trim();
#ifndef __SANITIZE_ADDRESS__
    assert_true(resident() <= before + 8);
#endif
    apr_pool_destroy(job);
    (void)before;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_what_a_large_job_has_used_goes_back),
        UNIT_TEST(test_a_pool_below_one_of_its_own_gives_back_when_it_is_cleared),
    };

    return UNIT_RUN(tests);
}
