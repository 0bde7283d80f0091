require "json"
require_relative "ledger"

module Orders
  LIMIT = 100

  # Keeps orders by number.
  class Store < Ledger
    include Comparable

    def initialize(ledger)
      @ledger = ledger
      @cache = Cache.new(LIMIT)
    end

    # Enter an order.
    def place(order)
      receipt = @ledger.write(order)
      check(receipt)
      JSON.dump(receipt)
    end

    def self.open(path)
      new(Ledger.load(path))
    end

    private

    def check(receipt)
      raise ArgumentError unless receipt
    end
  end
end
