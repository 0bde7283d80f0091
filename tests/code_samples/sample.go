// Package orders stores orders.
package orders

import (
	"fmt"
	led "example.com/shop/ledger"
)

const Limit = 100

// Writer is what receives orders.
type Writer interface {
	Write(order Order) (Receipt, error)
}

// Store keeps orders by number.
type Store struct {
	led.Base
	cache  *Cache
	ledger led.Ledger
}

// NewStore makes an empty store.
func NewStore(ledger led.Ledger) *Store {
	return &Store{cache: newCache(Limit), ledger: ledger}
}

// Place enters an order.
func (s *Store) Place(order Order) (Receipt, error) {
	receipt, err := s.ledger.Write(order)
	fmt.Println(receipt)
	for _, line := range order.Lines {
		check(line)
	}
	return receipt, err
}

func check(line Line) {}
