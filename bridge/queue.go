package bridge

import "slices"

// queue is of changes of one key that wait for their turn. They are a ring, of
// which it has the last: both of its ends are at hand in one word, as there is one
// in every entry of the table.
type queue struct{ last *op }

func (q *queue) empty() bool { return q.last == nil }

// first is the change that waits longest; nil for none.
func (q *queue) first() *op {
	if q.last == nil {
		return nil
	}
	return q.last.next
}

func (q *queue) push(o *op) {
	o.next = o
	if q.last != nil {
		o.next, q.last.next = q.last.next, o
	}
	q.last = o
}

// pop takes out the change that waits longest. There must be one.
func (q *queue) pop() *op {
	o := q.last.next
	q.last.next = o.next
	if o == q.last {
		q.last = nil
	}
	o.next = nil
	return o
}

// leave takes out the changes of an owner, and returns them in their order.
func (q *queue) leave(owner string) (all []*op) {
	rest := queue{}
	for !q.empty() {
		if o := q.pop(); o.owner == owner {
			all = append(all, o)
		} else {
			rest.push(o)
		}
	}
	*q = rest
	return all
}

// again is the change that waits to announce at p what the life of exaBGP before had,
// and that stays claimed until it does; nil for none.
func (q *queue) again(p *peer) *op {
	if q.last == nil {
		return nil
	}
	for o := q.last.next; ; o = o.next {
		if o.replay && !o.resumed && !o.withdraw && slices.Contains(o.peers, p.Addr) {
			return o
		}
		if o == q.last {
			return nil
		}
	}
}
