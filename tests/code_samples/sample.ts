import { Ledger, type Line } from "./ledger";
import Cache from "./cache";

/** What was ordered. */
export interface Order extends Base {
  lines: Line[];
  total(currency: string): number;
}

export enum State { Open, Closed }

export type Handler = (order: Order) => void;

/** Keeps orders by number. */
export class OrderStore extends Ledger implements Store<Order> {
  private cache: Cache = new Cache(10);

  constructor(private readonly ledger: Ledger) {
    super();
  }

  @logged()
  place(order: Order): Receipt {
    const receipt = this.cache.write(order);
    return this.ledger.sign(receipt);
  }
}

export function build(limit: number): OrderStore {
  return new OrderStore(makeLedger(limit));
}

namespace tools {
  export function shout(text: string): string {
    return text.toUpperCase();
  }
}
