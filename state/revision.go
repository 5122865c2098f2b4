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
func (r Revision) Short() string { return r.Digest[:min(12, len(r.Digest))] }

// Digest is a fingerprint of all that the set asks for at any time: 32 hex
// digits. What a file says for people, where it says it, and to which speakers it
// applies, is not in it.
func (d *Desired) Digest() string {
	h := sha256.New()
	var b []byte
	for i := 0; i < len(d.Routes); {
		j := i + 1
		for j < len(d.Routes) && d.Routes[j].Key == d.Routes[i].Key {
			j++
		}
		same := d.Routes[i:j]
		if len(same) > 1 { // they are in the order of the file
			same = slices.Clone(same)
			slices.SortFunc(same, func(a, b Wanted) int {
				return cmp.Or(cmp.Compare(a.Peers, b.Peers), cmp.Compare(a.Attrs.text, b.Attrs.text))
			})
		}
		for k := range same {
			b = appendWanted(b[:0], &same[k])
			h.Write(b)
		}
		i = j
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
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
