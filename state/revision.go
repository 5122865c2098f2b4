package state

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// Revision says which desired set somebody has: what it asks for, and when the
// files that it is from were last changed. The zero Revision says nothing.
type Revision struct {
	Digest string `json:"digest"` // of [Desired.Digest]
	// Changed is in Unix milliseconds, by the clock of the machine that it was
	// read on.
	Changed int64 `json:"changed_unix_ms"`
}

// OlderThan tells whether r would bring back what was replaced: it is of another
// set than what is in force, and of files that were changed before that. The same
// set is never older, whatever its time.
func (r Revision) OlderThan(inForce Revision) bool {
	return r.Digest != "" && inForce.Digest != "" && r.Digest != inForce.Digest && r.Changed < inForce.Changed
}

// Differs tells whether both say what they ask for, and it is not the same.
func (r Revision) Differs(other Revision) bool {
	return r.Digest != "" && other.Digest != "" && r.Digest != other.Digest
}

// Short is as much of the digest as people compare.
func (r Revision) Short() string { return Short(r.Digest) }

// Digest is a fingerprint of all that the set asks for at any time: 32 hex
// digits. What a file says for people, where it says it, and to which speakers it
// applies, is not in it.
func (d *Desired) Digest() string { return new(Digester).Digest(d) }

// Digester takes the digests of sets one after the other, and hashes only what was
// not in the one before: the digest is the hash of the hashes of blocks of routes,
// and where a block ends depends on the key of its last route alone. The zero
// Digester is ready for use. It belongs to one goroutine, and keeps the last set.
type Digester struct {
	routes []Wanted
	blocks []block
}

// block is routes in order, and what they ask for.
type block struct {
	from, to int
	hash     [sha256.Size]byte
}

// Digest is [Desired.Digest].
func (g *Digester) Digest(d *Desired) string {
	was := g.blocks
	blocks := make([]block, 0, len(was)+1)
	var b []byte
	for from := 0; from < len(d.Routes); {
		for len(was) > 0 && CompareKeys(g.routes[was[0].from].Key, d.Routes[from].Key) < 0 {
			was = was[1:]
		}
		now := block{from: from}
		if len(was) > 0 && begins(d.Routes[from:], g.routes[was[0].from:was[0].to]) {
			now.to, now.hash = from+was[0].to-was[0].from, was[0].hash
		} else {
			b = b[:0]
			for now.to = from; now.to < len(d.Routes); {
				same := oneKey(d.Routes[now.to:])
				b = appendAsked(b, same)
				now.to += len(same)
				if endsBlock(same[0].Key) {
					break
				}
			}
			now.hash = sha256.Sum256(b)
		}
		blocks = append(blocks, now)
		from = now.to
	}
	g.routes, g.blocks = d.Routes, blocks
	all := sha256.New()
	for i := range blocks {
		all.Write(blocks[i].hash[:])
	}
	return hex.EncodeToString(all.Sum(nil)[:16])
}

// endsBlock tells it of one key in some hundreds.
func endsBlock(k Key) bool {
	h := uint32(2166136261) // FNV-1a
	for i := range len(k.NLRI) {
		h = (h ^ uint32(k.NLRI[i])) * 16777619
	}
	return h>>16%256 == 0
}

// begins tells whether routes begin with the routes of a block, one for one, and
// the key of the last of them ends there.
func begins(routes, with []Wanted) bool {
	if len(routes) < len(with) || len(routes) > len(with) && (routes[len(with)].Key == with[len(with)-1].Key || !endsBlock(with[len(with)-1].Key)) {
		return false
	}
	for i := range with {
		if a, b := &routes[i], &with[i]; a.Key != b.Key || a.Terms != b.Terms && !asksTheSame(a.Terms, b.Terms) {
			return false
		}
	}
	return true
}

func asksTheSame(a, b *Terms) bool {
	return a.Attrs == b.Attrs && a.Peers == b.Peers && a.Starts == b.Starts && a.Expires == b.Expires && a.Lease == b.Lease
}

// oneKey is the routes of one key that a list begins with.
func oneKey(routes []Wanted) []Wanted {
	n := 1
	for n < len(routes) && routes[n].Key == routes[0].Key {
		n++
	}
	return routes[:n]
}

// appendAsked appends what is asked for by routes of one key, in whatever order
// they are.
func appendAsked(b []byte, same []Wanted) []byte {
	if len(same) > 1 {
		same = slices.Clone(same)
		slices.SortFunc(same, func(a, b Wanted) int {
			return cmp.Or(cmp.Compare(a.Peers, b.Peers), cmp.Compare(a.Attrs.text, b.Attrs.text))
		})
	}
	for i := range same {
		b = appendWanted(b, &same[i])
	}
	return b
}

func appendWanted(b []byte, w *Wanted) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(w.Key.Family))
	for _, text := range []string{w.Key.NLRI, w.Attrs.text, string(w.Peers)} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	for _, n := range []int64{w.Starts, w.Expires, w.Lease} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}
