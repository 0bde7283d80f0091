#include "ledger.hpp"
#include <string>

using namespace shop;
using shop::Receipt;

namespace orders {

/// Keeps orders by number.
class Store : public Ledger, private shop::Base {
 public:
  explicit Store(Cache& cache);
  Receipt place(const Order& order);
  int size() const { return cache_.count(); }

 private:
  Cache& cache_;
};

// Enter an order.
Receipt Store::place(const Order& order) {
  Receipt receipt = cache_.write(order);
  auto* line = new Line(order);
  check(line);
  return shop::sign(receipt);
}

template <typename T>
T twice(T value) {
  return add<T>(value, value);
}

enum class State { Open, Closed };

}  // namespace orders
