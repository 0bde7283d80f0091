using System;
using Shop.Ledgers;
using Slip = Shop.Receipt;

namespace Shop.Orders
{
    /// <summary>Keeps orders by number.</summary>
    [Serializable]
    public class OrderStore : Ledger, IStore<Order>
    {
        private const int Limit = 100;
        private readonly Cache cache = new Cache(Limit);

        public OrderStore(Ledger ledger) : base(ledger)
        {
            this.Ledger = ledger;
        }

        public int Size { get; set; }

        /// <summary>Enter an order.</summary>
        public Slip Place(Order order)
        {
            var slip = cache.Write(order);
            Check(order);
            return Signer.Sign(slip);
        }

        private void Check(Order order) { Console.WriteLine(order); }
    }

    public interface IStore<T> { Slip Place(T order); }

    public enum State { Open, Closed }
}
