import React from "react";
import { OrderStore } from "./sample";

interface Props {
  store: OrderStore;
}

/** Shows one order. */
export function OrderView({ store }: Props): JSX.Element {
  const order = useOrder(store);
  return <Panel title={order.title()}><Line order={order} /></Panel>;
}

export const Empty = () => <Panel title="none" />;
