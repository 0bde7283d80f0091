package com.example.orders;

import com.example.ledger.Ledger;
import java.util.*;

/** Keeps orders by number. */
@Service
public class Sample extends Ledger implements Store<Order> {
    private static final int LIMIT = 100;
    private final Cache cache = new Cache(LIMIT);

    public Sample(Ledger ledger) {
        super(ledger);
        this.ledger = ledger;
    }

    /** Enter an order. */
    @Override
    public Receipt place(Order order) {
        Receipt receipt = cache.write(order);
        for (Line line : order.lines()) {
            check(line);
        }
        return receipt;
    }

    private void check(Line line) {
        Objects.requireNonNull(line);
    }

    enum State { OPEN, CLOSED }
}

interface Store<T> {
    Receipt place(T order);
}
