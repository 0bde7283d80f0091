import fs, { readFile as read } from "fs";
import * as paths from "./paths.js";
const helper = require("./helper");

export const LIMIT = 10;

/** Keeps orders by number. */
export class OrderStore extends Ledger {
  size = 0;

  constructor(ledger) {
    super();
    this.cache = new Cache(LIMIT);
  }

  /** Enter an order. */
  place(order) {
    const receipt = this.cache.write(order);
    return paths.join(receipt);
  }
}

// Adds two numbers.
function add(a, b) {
  return helper.sum(a, b);
}

const twice = (x) => add(x, x);

export { add, twice as double };
