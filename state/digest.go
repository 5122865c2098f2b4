package state

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
)

// Digest is an order-free fingerprint of an advertised set: how many routes at
// peers it has, and the sum modulo 2^128 of their hashes. Adding and then
// removing a route, in any order, leaves it as it was. It finds drift; it is
// no defence against someone who crafts routes.
type Digest struct {
	Count    uint64
	high, lo uint64
}

// Add counts a route, as owner announced it with attrs to peer.
func (d Digest) Add(k Key, attrs Attrs, owner string, peer netip.Addr) Digest {
	high, lo := fingerprint(k, attrs, owner, peer)
	var carry uint64
	d.lo, carry = bits.Add64(d.lo, lo, 0)
	d.high, _ = bits.Add64(d.high, high, carry)
	d.Count++
	return d
}

// Remove takes away what [Digest.Add] counted.
func (d Digest) Remove(k Key, attrs Attrs, owner string, peer netip.Addr) Digest {
	high, lo := fingerprint(k, attrs, owner, peer)
	var borrow uint64
	d.lo, borrow = bits.Sub64(d.lo, lo, 0)
	d.high, _ = bits.Sub64(d.high, high, borrow)
	d.Count--
	return d
}

// Sum is the sum as 32 hex digits.
func (d Digest) Sum() string {
	b := binary.BigEndian.AppendUint64(nil, d.high)
	return hex.EncodeToString(binary.BigEndian.AppendUint64(b, d.lo))
}

// Digest is the digest of the whole set.
func (a *Advertised) Digest() Digest {
	var d Digest
	for k, adverts := range a.Routes.All() {
		for _, advert := range adverts {
			for _, at := range advert.At {
				d = d.Add(k, advert.Attrs, advert.Owner, at.Peer)
			}
		}
	}
	return d
}

func fingerprint(k Key, attrs Attrs, owner string, peer netip.Addr) (high, lo uint64) {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 128), uint32(k.Family))
	for _, part := range []string{k.NLRI, attrs.text, owner} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	b = append(b, peer.AsSlice()...)
	h := sha256.Sum256(b)
	return binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:16])
}
