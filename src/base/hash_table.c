/**
 * hash_table.c - byte strings to 32-bit values by open addressing, with a keyed hash: products of
 * secret odd numbers for keys of up to 16 bytes, SipHash-1-3 for longer ones. The table grows so
 * that half of it is free, and nothing is ever removed. The bytes of the keys stay their owner's.
 */
#include "base/hash_table.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"

static uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

/* One SipHash round (Aumasson, Bernstein 2012). */
static void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static void sip_block(uint64_t v[4], uint64_t block) {
    v[3] ^= block;
    sip_round(v);
    v[0] ^= block;
}

/* SipHash-1-3. */
static uint64_t hash_long(const uint64_t seed[2], const char *key, size_t n) {
    const unsigned char *at = (const unsigned char *)key;
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du,
                     seed[0] ^ 0x6c7967656e657261u, seed[1] ^ 0x7465646279746573u};
    size_t left = n;
    for (; left >= 8; left -= 8, at += 8) {
        sip_block(v, bytes_u64(at));
    }
    unsigned char last[8] = {0};
    if (left > 0) {
        memcpy(last, at, left);
    }
    last[7] = (unsigned char)(n & 0xff);
    sip_block(v, bytes_u64(last));
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The 4 to 8 bytes of a word, or fewer: different words for different bytes of the same n. */
static uint64_t word_of(const unsigned char *at, size_t n) {
    if (n == 8) {
        return bytes_u64(at);
    }
    if (n >= 4) {
        return (uint64_t)bytes_u32(at) | (uint64_t)bytes_u32(at + n - 4) << 32;
    }
    return n == 0 ? 0 : at[0] | (uint64_t)at[n / 2] << 8 | (uint64_t)at[n - 1] << 16;
}

/* Up to 16 bytes, as tokens have: their words multiplied by secret odd numbers. Two given keys
 * agree in the upper bits of such products no more often than two random numbers would, but for a
 * small factor (Dietzfelbinger and others 1997). Several times as fast as SipHash. */
static uint64_t hash_short(const uint64_t seed[2], const unsigned char *at, size_t n) {
    size_t n_first = size_min(n, 8);
    uint64_t product = word_of(at, n_first) * (seed[0] | 1);
    product = (product ^ product >> 32) + n;
    if (n > 8) {
        product += bytes_u64(at + n - 8);
    }
    return product * (seed[1] | 1);
}

/* Keyed, so that names which collide cannot be prepared in advance. */
static uint64_t hash(const uint64_t seed[2], const char *key, size_t n) {
    return n <= 16 ? hash_short(seed, (const unsigned char *)key, n) : hash_long(seed, key, n);
}

/* The entry that holds the key, or the free one where it belongs. At most half of the entries
 * are taken, so there is always a free one. */
static struct hash_entry *slot_of(const struct hash_table *table, const char *key, size_t n) {
    size_t mask = table->capacity - 1;
    size_t at = (size_t)(hash(table->seed, key, n) >> table->shift);
    for (;; at = (at + 1) & mask) {
        struct hash_entry *entry = &table->entries[at];
        if (entry->key == NULL || (entry->n == n && memcmp(entry->key, key, n) == 0)) {
            return entry;
        }
    }
}

bool hash_table_reserve(struct hash_table *table, size_t n) {
    if (n <= table->capacity / 2) {
        return true;
    }
    size_t capacity = 16;
    unsigned shift = 60;
    while (capacity / 2 < n) {
        if (capacity > SIZE_MAX / 4) {
            return false;
        }
        capacity *= 2;
        shift--;
    }
    struct hash_table larger = {.capacity = capacity, .shift = shift, .n = table->n};
    larger.entries = memory_new(capacity, sizeof *larger.entries);
    if (larger.entries == NULL) {
        return false;
    }
    memory_touch(larger.entries, capacity * sizeof *larger.entries);
    larger.seed[0] = rng_entropy();
    larger.seed[1] = rng_entropy();
    for (size_t i = 0; i < table->capacity; i++) {
        const struct hash_entry *entry = &table->entries[i];
        if (entry->key != NULL) {
            *slot_of(&larger, entry->key, entry->n) = *entry;
        }
    }
    memory_free(table->entries);
    *table = larger;
    return true;
}

void hash_table_release(struct hash_table *table) {
    memory_free(table->entries);
    *table = (struct hash_table){0};
}

enum hash_result hash_table_add(struct hash_table *table, const char *key, size_t n,
                                uint32_t value) {
    if (n > UINT32_MAX || !hash_table_reserve(table, table->n + 1)) {
        return HASH_NO_MEMORY;
    }
    struct hash_entry *entry = slot_of(table, key, n);
    if (entry->key != NULL) {
        return HASH_EXISTS;
    }
    *entry = (struct hash_entry){.key = key, .n = (uint32_t)n, .value = value};
    table->n++;
    return HASH_ADDED;
}

void hash_table_prefetch(const struct hash_table *table, const char *key, size_t n) {
    __builtin_prefetch(&table->entries[(size_t)(hash(table->seed, key, n) >> table->shift)], 1);
}

bool hash_table_find(const struct hash_table *table, const char *key, size_t n, uint32_t *value) {
    if (table->n == 0) {
        return false;
    }
    const struct hash_entry *entry = slot_of(table, key, n);
    if (entry->key == NULL) {
        return false;
    }
    *value = entry->value;
    return true;
}
