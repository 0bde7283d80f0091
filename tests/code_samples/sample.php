<?php

namespace Shop\Orders;

use Shop\Ledger;
use Shop\Receipt as Slip;

const LIMIT = 100;

/** Keeps orders by number. */
class OrderStore extends Ledger implements Store
{
    use Counts;

    private Cache $cache;

    public function __construct(private Ledger $ledger)
    {
        $this->cache = new Cache(LIMIT);
    }

    /** Enter an order. */
    public function place(Order $order): Slip
    {
        $slip = $this->ledger->write($order);
        check($slip);
        return Signer::sign($slip);
    }
}

interface Store
{
    public function place(Order $order): Slip;
}

function check(Slip $slip): void
{
    strlen($slip);
}
