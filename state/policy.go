package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy is what a plan may not do: the limits of the guards. It is plain data;
// its lists are in order. Whoever has one does not change it.
type Policy struct {
	// MaxWithdraw bounds how many of the owner's routes at the speaker a plan may
	// withdraw, at every tag and at every peer too. MaxWithdrawSpace bounds how much
	// of their address space it may leave dark, per family; it has no count.
	MaxWithdraw, MaxWithdrawSpace Limit
	MinRoutes                     int // no plan leaves fewer; 0 for none
	MaxRoutes                     int // no plan adds to more; 0 for none
	Tags                          []TagBounds
	Peers                         []PeerBounds
	// Protect are prefixes that are neither withdrawn nor changed; Never those that
	// are not announced, besides those of [ReservedPrefixes] whose names are not in
	// Allow. Both with all that is inside them.
	Protect, Never []netip.Prefix
	Allow          []string
	// Lengths4 and Lengths6 bound the lengths of the prefixes that are announced.
	Lengths4, Lengths6 Lengths
	// NextHops and Communities are what may be used; nil is any.
	NextHops    *NextHops
	Communities []CommunityPattern
	RPKI        RPKI
	Flap        Flap
	// Overrides are for one plan each. They are no part of the digest: an override
	// does not make another policy of it.
	Overrides []Override `json:"-"`
}

// TagBounds are what holds for the routes of one tag. A nil MaxWithdraw is that of
// the policy.
type TagBounds struct {
	Tag         string
	MaxWithdraw *Limit
	MinRoutes   int
}

// PeerBounds are what holds at one peer.
type PeerBounds struct {
	Peer        netip.Addr
	MaxWithdraw Limit
}

// Limit bounds how many of some things may go at once: by a share of them, by a
// count, or by the smaller of both.
type Limit struct {
	Share int // in hundredths of a percent, 0..[Whole]
	Count int // [NoCount] for none
}

const (
	// Whole is the share that all of something is.
	Whole = 100 * 100
	// NoCount is no bound.
	NoCount = -1
)

// NoLimit bounds nothing.
func NoLimit() Limit { return Limit{Whole, NoCount} }

// Off tells whether the limit bounds nothing.
func (l Limit) Off() bool { return l == NoLimit() }

// Of is how many of n may go. Of few, a share that is not 0 is one of them at
// least: else no single one could ever go.
func (l Limit) Of(n int) int {
	most := n / Whole * l.Share
	most += n % Whole * l.Share / Whole
	if l.Share > 0 {
		most = max(most, 1)
	}
	if l.Count != NoCount {
		most = min(most, l.Count)
	}
	return most
}

// String is the limit as a file has it.
func (l Limit) String() string {
	share := strconv.FormatFloat(float64(l.Share)/100, 'f', -1, 64) + "%"
	switch {
	case l.Off():
		return "off"
	case l.Count == NoCount:
		return share
	case l.Share == Whole:
		return strconv.Itoa(l.Count)
	}
	return fmt.Sprintf("[%s, %d]", share, l.Count)
}

// ParseLimit reads "20%", "2.5%", "500" or "off". Its errors are [*Fault].
func ParseLimit(text string) (Limit, error) {
	const hint = "write it as 20%, 500, or off"
	if text == "off" {
		return NoLimit(), nil
	}
	if percent, is := strings.CutSuffix(text, "%"); is {
		share, ok := parseShare(percent)
		if !ok {
			return Limit{}, &Fault{Msg: fmt.Sprintf("limit %q is not a share in 0%%..100%%, of two decimals at most", text), Hint: hint}
		}
		return Limit{share, NoCount}, nil
	}
	n, ok := parseDecimal(text, math.MaxInt32)
	if !ok {
		return Limit{}, &Fault{Msg: fmt.Sprintf("limit %q is neither a share nor a count", text), Hint: hint}
	}
	return Limit{Whole, int(n)}, nil
}

// parseShare reads a percentage of two decimals at most, in hundredths of a percent.
func parseShare(text string) (int, bool) {
	whole, part, pointed := strings.Cut(text, ".")
	share, ok := parseDecimal(whole, 100)
	share *= 100
	for i := range part {
		digit, fine := parseDecimal(part[i:i+1], 9)
		share += digit * []uint64{10, 1, 0}[min(i, 2)]
		ok = ok && fine
	}
	return int(share), ok && share <= Whole && len(part) <= 2 && pointed == (part != "")
}

// Lengths are the lengths that prefixes may have, both included.
type Lengths struct{ Min, Max int }

// NextHops are the next hops that routes may have: addresses in some prefixes, and
// the speaker's own.
type NextHops struct {
	Prefixes []netip.Prefix
	Self     bool
}

// Have tells whether a next hop, as [Attrs.NextHop] has it, is one of them.
func (h *NextHops) Have(hop string) bool {
	if hop == "self" {
		return h.Self
	}
	a, err := netip.ParseAddr(hop)
	return err == nil && slices.ContainsFunc(h.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Action is what to do about a route that is not as it should be.
type Action string

// The actions. The zero Action is Allow.
const (
	Allow  Action = ""
	Warn   Action = "warn"
	Refuse Action = "refuse"
)

// RPKI says what to do about origins, by a file of what is authorised. Without a
// file there is nothing to be done.
type RPKI struct {
	VRPs              string // name of the file, as the policy has it; "" for none
	Path              string `json:"-"` // of it, from where the policy was read
	Invalid, NotFound Action
	// MaxAge is in milliseconds: older VRPs say nothing. 0 is a day.
	MaxAge int64
}

// Asks tells whether anything is to be done by the VRPs.
func (r RPKI) Asks() bool { return r.VRPs != "" && (r.Invalid != Allow || r.NotFound != Allow) }

// Oldest is how old the VRPs may be.
func (r RPKI) Oldest() time.Duration {
	if r.MaxAge == 0 {
		return 24 * time.Hour
	}
	return time.Duration(r.MaxAge) * time.Millisecond
}

// Flap is how often a route may change in a time; the zero Flap is as often as it
// likes.
type Flap struct {
	Changes int
	Within  int64 // in milliseconds
}

// DefaultPolicy is what holds where a file says nothing.
func DefaultPolicy() *Policy {
	return &Policy{
		MaxWithdraw:      Limit{30 * 100, NoCount},
		MaxWithdrawSpace: Limit{30 * 100, NoCount},
		Lengths4:         Lengths{8, 32},
		Lengths6:         Lengths{16, 128},
		Flap:             Flap{6, 15 * 60 * 1000},
	}
}

// Unguarded is a policy that refuses nothing.
func Unguarded() *Policy {
	names := slices.Sorted(slices.Values(ReservedNames()))
	return &Policy{MaxWithdraw: NoLimit(), MaxWithdrawSpace: NoLimit(), Allow: names, Lengths4: Lengths{0, 32}, Lengths6: Lengths{0, 128}}
}

// Guards is what the set may lead to: its policy, or the default one.
func (d *Desired) Guards() *Policy {
	if d.Policy == nil {
		return DefaultPolicy()
	}
	return d.Policy
}

// Digest is a fingerprint of all that the policy says, but for its overrides: 64
// hex digits. That of nil is that of the default policy.
func (p *Policy) Digest() string {
	if p == nil {
		p = DefaultPolicy()
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // it has nothing but words and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Tag is what the policy says of a tag; false if nothing of its own.
func (p *Policy) Tag(tag string) (TagBounds, bool) {
	i := slices.IndexFunc(p.Tags, func(t TagBounds) bool { return t.Tag == tag })
	if i < 0 {
		return TagBounds{Tag: tag}, false
	}
	return p.Tags[i], true
}

// Peer is how many routes may go at a peer; false if nothing of its own is said.
func (p *Policy) Peer(peer netip.Addr) (Limit, bool) {
	i := slices.IndexFunc(p.Peers, func(b PeerBounds) bool { return b.Peer == peer })
	if i < 0 {
		return p.MaxWithdraw, false
	}
	return p.Peers[i].MaxWithdraw, true
}

// Lifts tells whether one of some overrides lifts a rule for the plan with a
// digest.
func Lifts(all []Override, r Rule, digest string) bool {
	return slices.ContainsFunc(all, func(o Override) bool { return o.Lifts(r, digest) })
}
