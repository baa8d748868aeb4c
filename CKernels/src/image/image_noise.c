#include "image/image_augment.h"

void ck_normal_numbers(float *out, int64_t first, int64_t count, uint64_t seed) {
    enum { BLOCK = 2 * CK_NORMAL_PAIRS };
    const ck_augment_variant *variant;
    ck_augment_choose(&variant);
    float block[BLOCK];
    for (int64_t done = 0; done < count;) {
        int64_t at = first + done, skipped = at % BLOCK, taken = ck_min(BLOCK - skipped, count - done);
        variant->normal_pairs(block, at / BLOCK * CK_NORMAL_PAIRS, seed);
        memcpy(out + done, block + skipped, sizeof(float) * (size_t)taken);
        done += taken;
    }
}
