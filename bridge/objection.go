package bridge

import (
	"fmt"

	"routesync/state"
)

// objection says why an operation must not be done at a peer, "" if it may.
func (c *core) objection(o *op, p *peer, e *entry) string {
	if s := e.slot(p); s != nil && s.owner != o.owner && !(state.ByHand(s.owner) && state.ByHand(o.owner)) {
		return fmt.Sprintf("it is announced at %s by %s, and stays theirs", p.Addr, OwnerName(s.owner))
	}
	if o.withdraw {
		return ""
	}
	if c.over(o) {
		return "it has expired, by the clock of the bridge"
	}
	if reason := c.banned.objection(o, p.Addr); reason != "" {
		return reason
	}
	return p.unsayable(o.key, o.attrs)
}

// sayable are attributes that a peer can be told with any plain prefix of a family:
// most routes have those of the one before.
type sayable struct {
	family state.Family
	attrs  state.Attrs
}

// unsayable says why a route can't be announced to a peer, "" if it can.
func (p *peer) unsayable(k state.Key, attrs state.Attrs) string {
	is := sayable{k.Family, attrs}
	plain := (k.Family == state.IPv4Unicast || k.Family == state.IPv6Unicast) && k.PathID() == 0
	if plain && p.sayable == is {
		return ""
	}
	if err := p.Check(k, attrs); err != nil {
		return err.Error()
	}
	if err := state.CheckRoute(k, attrs); err != nil {
		return err.Error()
	}
	if plain {
		p.sayable = is
	}
	return ""
}

// OwnerName is an owner for people.
func OwnerName(owner string) string {
	if owner == "" {
		return "exaBGP itself (its own configuration, or a command from elsewhere)"
	}
	return "owner " + owner
}
