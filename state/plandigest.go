package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
)

// planDigestHead begins what is hashed: another way to write a plan is another
// digest.
const planDigestHead = "routesync plan 1\n"

// ShortDigest is how many digits of the digest of a plan people see and type.
const ShortDigest = 12

// Short is as much of a digest as people see: its first [ShortDigest] digits, or all if
// there are fewer.
func Short(digest string) string { return digest[:min(ShortDigest, len(digest))] }

// Digest is a fingerprint of what the plan does, 64 hex digits: for whom and where,
// what leads to it (the digest of the desired set and that of the policy), and every
// change. When and by whom the plan was made, how far its routes have come, and what
// the file says for people is not in it, so that everybody who computes the same
// changes has the same digest. A person agrees to a plan by it.
func (p *Plan) Digest(desired, policy string) string {
	b := []byte(planDigestHead)
	for _, text := range []string{p.Owner, p.Speaker, desired, policy} {
		b = appendText(b, text)
	}
	h := sha256.New()
	for rest := p.Changes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Key == rest[0].Key {
			n++
		}
		b = appendChanges(b, rest[:n])
		h.Write(b)
		b, rest = b[:0], rest[n:]
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// JoinDigests is the digest of a plan for several speakers, from those of each, in
// the order of the file. That of one is its own: people see one number.
func JoinDigests(speakers []string) string {
	if len(speakers) == 1 {
		return speakers[0]
	}
	h := sha256.New()
	for _, d := range speakers {
		h.Write(appendText(nil, d))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// appendChanges appends the changes of one key, in an order of their own: theirs is
// that in which a bridge lists what it advertises of the key.
func appendChanges(b []byte, same []Change) []byte {
	if len(same) == 1 {
		return appendChange(b, &same[0])
	}
	all := make([][]byte, len(same))
	for i := range same {
		all[i] = appendChange(nil, &same[i])
	}
	slices.SortFunc(all, bytes.Compare)
	return append(b, bytes.Join(all, nil)...)
}

func appendChange(b []byte, c *Change) []byte {
	b = append(b, byte(c.Op()))
	b = binary.BigEndian.AppendUint32(b, uint32(c.Key.Family))
	b = appendText(b, c.Key.NLRI)
	b = appendAddrs(b, c.Peers)
	if c.Advert != nil {
		b = appendValue(b, c.Advert.Attrs, c.Advert.From.Expires, c.Advert.From.Lease)
	}
	if c.Wanted != nil {
		b = appendValue(b, c.Wanted.Attrs, c.Wanted.Expires, c.Wanted.Lease)
	}
	return b
}

func appendValue(b []byte, attrs Attrs, expires, lease int64) []byte {
	b = appendText(b, attrs.text)
	b = binary.BigEndian.AppendUint64(b, uint64(expires))
	return binary.BigEndian.AppendUint64(b, uint64(lease))
}

func appendAddrs(b []byte, addrs []netip.Addr) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(addrs)))
	for _, a := range addrs {
		b = appendText(b, string(a.AsSlice()))
	}
	return b
}

func appendText(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}
