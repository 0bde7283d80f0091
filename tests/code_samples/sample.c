#include <stdio.h>
#include "ledger.h"

#define LIMIT 100

/* Keeps orders by number. */
struct store {
    struct cache *cache;
    int size;
};

typedef struct store store_t;

enum state { OPEN, CLOSED };

static int check(const order_t *order);

/* Enter an order. */
receipt_t *store_place(store_t *store, order_t *order)
{
    receipt_t *receipt = ledger_write(store->cache, order);
    if (!check(order)) {
        store->fail(order);
    }
    printf("%d\n", LIMIT);
    return receipt;
}

static int check(const order_t *order)
{
    return order->size > 0;
}
