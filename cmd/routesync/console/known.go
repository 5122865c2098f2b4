package console

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"routesync/state"
)

// known is what completion has to offer at a speaker.
type known struct {
	peers  []string
	owners []string
	byHand []string // prefixes that a person may withdraw
}

const (
	// knownFor is how long it is taken as it is.
	knownFor = 5 * time.Second
	// refreshTime is how long a speaker may take to tell.
	refreshTime = 5 * time.Second
)

// cache remembers what is known of the speakers. To ask it never waits.
type cache struct {
	backend Backend
	wanted  chan string // a speaker to ask
	mu      sync.Mutex
	of      map[string]known
	at      map[string]time.Time
}

func newCache(b Backend) *cache {
	return &cache{backend: b, wanted: make(chan string, 1), of: map[string]known{}, at: map[string]time.Time{}}
}

// get returns what is known now, and has it looked up if that is long ago.
func (c *cache) get(speaker string) known {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at[speaker]) > knownFor {
		select {
		case c.wanted <- speaker:
		default: // somebody is asked already
		}
	}
	return c.of[speaker]
}

// stale says that what is known of a speaker has changed.
func (c *cache) stale(speaker string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.at, speaker)
}

// run looks up what is wanted until ctx ends.
func (c *cache) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case speaker := <-c.wanted:
			c.refresh(ctx, speaker)
		}
	}
}

func (c *cache) refresh(ctx context.Context, speaker string) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	peers, err1 := c.backend.Peers(ctx, speaker)
	adv, err2 := c.backend.Advertised(ctx, speaker)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[speaker] = time.Now() // what can't be had is not asked for at each key
	k := c.of[speaker]
	if err1 == nil {
		k.peers = nil
		for _, p := range peers {
			k.peers = append(k.peers, p.Addr.String())
		}
	}
	if err2 == nil {
		k.owners, k.byHand = names(&adv)
	}
	c.of[speaker] = k
}

// names lists the owners, and the prefixes that were announced by hand.
func names(adv *state.Advertised) (owners, byHand []string) {
	seen := map[string]bool{}
	var keys []state.Key
	for k, adverts := range adv.Routes.All() {
		hand := false
		for _, a := range adverts {
			seen[ownerName(a.Owner)] = true
			hand = hand || state.ByHand(a.Owner)
		}
		if hand && (k.Family == state.IPv4Unicast || k.Family == state.IPv6Unicast) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, state.CompareKeys)
	for _, k := range keys {
		byHand = append(byHand, k.Prefix().String())
	}
	return slices.Sorted(maps.Keys(seen)), slices.Compact(byHand)
}
