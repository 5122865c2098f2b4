package bridge

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
)

// conditions are those that hold.
type conditions []wire.Condition

// begin notes one, unless its name is noted already; it tells whether it is new.
func (c *conditions) begin(x wire.Condition, now time.Time) bool {
	if slices.ContainsFunc(*c, func(y wire.Condition) bool { return y.Name == x.Name }) {
		return false
	}
	x.Since = now.UnixMilli()
	x.Text, x.Do = exabgp.Printable(x.Text), exabgp.Printable(x.Do)
	*c = append(*c, x)
	return true
}

// end takes out those of the names, and returns them.
func (c *conditions) end(names ...string) []wire.Condition {
	var over, still []wire.Condition
	for _, x := range *c {
		if slices.Contains(names, x.Name) {
			over = append(over, x)
		} else {
			still = append(still, x)
		}
	}
	*c = still
	return over
}

// lasted is how long a condition has held.
func lasted(x wire.Condition, now time.Time) time.Duration {
	return now.Sub(time.UnixMilli(x.Since)).Round(time.Millisecond)
}

// Conditions are those that hold at a commander, over all its sessions with the
// broker. A nil one notes nothing.
type Conditions struct {
	log *slog.Logger

	mu      sync.Mutex
	all     conditions
	sending map[string]bool // those that sending came upon, and only sending ends
}

// NewConditions returns none.
func NewConditions(log *slog.Logger) *Conditions {
	return &Conditions{log: log, sending: map[string]bool{}}
}

// Note notes the condition that the end of a session is about, if it is about
// one; whoever runs the session logs it.
func (c *Conditions) Note(err error) { c.note(err, false) }

func (c *Conditions) note(err error, sending bool) (begun bool) {
	x, ok := Diagnose(err)
	if c == nil || !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	begun = c.all.begin(x, time.Now())
	if begun {
		c.sending[x.Name] = sending
	}
	return begun
}

// say notes a condition that ends no session, and logs it.
func (c *Conditions) say(err error, sending bool) {
	if c.note(err, sending) {
		x, _ := Diagnose(err)
		c.log.Warn(x.Name+": "+x.Text, "do", x.Do)
	}
}

// end ends those of the names.
func (c *Conditions) end(names ...string) {
	if c == nil || len(names) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.all.end(names...) {
		c.log.Info(x.Name+" is over", "after", lasted(x, time.Now()))
	}
}

// reached ends those that kept from the bridge, and sent all others too.
func (c *Conditions) reached() { c.end(c.names(false)...) }
func (c *Conditions) sent()    { c.end(append(c.names(false), c.names(true)...)...) }

func (c *Conditions) names(sending bool) []string {
	var names []string
	for _, x := range c.List() {
		if c.isSending(x.Name) == sending {
			names = append(names, x.Name)
		}
	}
	return names
}

func (c *Conditions) isSending(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sending[name]
}

// List returns those that hold.
func (c *Conditions) List() []wire.Condition {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// beginCondition notes a condition of the bridge.
func (c *core) beginCondition(x wire.Condition) {
	if c.conditions.begin(x, c.now) {
		c.trouble(asLine(x))
	}
}

// endConditions ends conditions of the bridge. The last error says so: who could
// not look while it lasted sees that it was.
func (c *core) endConditions(names ...string) {
	for _, x := range c.conditions.end(names...) {
		c.trouble(fmt.Sprintf("%s: %s; over after %s", x.Name, x.Text, lasted(x, c.now)))
	}
}

// asLine is a condition in a line.
func asLine(x wire.Condition) string {
	if x.Do == "" {
		return x.Name + ": " + x.Text
	}
	return x.Name + ": " + x.Text + ": " + x.Do
}
