//! Stores orders.

use crate::ledger::{self, Ledger, Receipt as Slip};
use std::fmt::*;

mod cache;

const LIMIT: usize = 100;

/// What receives orders.
pub trait Store: Send {
    fn place(&mut self, order: Order) -> Slip;
}

/// Keeps orders by number.
#[derive(Debug)]
pub struct OrderStore {
    cache: Cache,
    ledger: Ledger,
}

pub enum State {
    Open,
    Closed,
}

impl OrderStore {
    pub fn new(ledger: Ledger) -> OrderStore {
        OrderStore { cache: Cache::new(LIMIT), ledger }
    }
}

impl Store for OrderStore {
    fn place(&mut self, order: Order) -> Slip {
        let slip = self.ledger.write(order);
        println!("{}", slip);
        check(&slip);
        slip
    }
}

fn check(slip: &Slip) {}
