/* Runs a fuzz target over files, in place of libFuzzer: for `make check-fuzz` and for one finding under a debugger. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX_BYTES (1024 * 1024)

/* The bytes get a heap block of their own size: a byte beyond it is seen. */
static void run(FILE *file, uint8_t *room)
{
    size_t size = fread(room, 1, FILE_MAX_BYTES, file);
    uint8_t *data = malloc(size > 0 ? size : 1);

    FUZZ_MUST(data != NULL);
    for (size_t i = 0; i < size; i++) {
        data[i] = room[i];
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

int main(int argc, char **argv)
{
    uint8_t *room = malloc(FILE_MAX_BYTES);

    if (argc < 2 || !room) {
        fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");

        if (!file) {
            perror(argv[i]);
            return 1;
        }
        printf("%s\n", argv[i]);
        fflush(stdout);
        run(file, room);
        fclose(file);
    }
    free(room);
    fuzz_end();
    return 0;
}
