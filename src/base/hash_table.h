/**
 * hash_table.h - byte strings to 32-bit values.
 *
 * Keys are borrowed, not copied. Open addressing with a hash that is keyed per table from the
 * system's entropy, so that a hostile file cannot choose names that collide. The table is never
 * iterated: the key has no influence on any result.
 */
#ifndef BASE_HASH_TABLE_H
#define BASE_HASH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_entry {
    const char *key; /**< NULL: free */
    uint32_t n;
    uint32_t value;
};

/** Start from {0}; an empty table has no memory. */
struct hash_table {
    struct hash_entry *entries;
    size_t capacity; /**< power of two */
    unsigned shift;  /**< 64 - log2(capacity): an entry's number is the upper bits of the hash */
    size_t n;
    uint64_t seed[2];
};

/** Room for n keys without growing. */
bool hash_table_reserve(struct hash_table *table, size_t n);
void hash_table_release(struct hash_table *table);

enum hash_result { HASH_ADDED, HASH_EXISTS, HASH_NO_MEMORY };
/** Add a key of n < 2^32 bytes. If it is there already nothing changes. */
enum hash_result hash_table_add(struct hash_table *table, const char *key, size_t n,
                                uint32_t value);
/** Prefetch where the search for a key begins: for keys that are added or looked up some steps
 * later, when many are. The table has room for one key at least. */
void hash_table_prefetch(const struct hash_table *table, const char *key, size_t n);
/** Look a key up; true and *value if it is there. */
bool hash_table_find(const struct hash_table *table, const char *key, size_t n, uint32_t *value);

#endif
