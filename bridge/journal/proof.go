package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"go.etcd.io/bbolt"
)

// Proof says how much of the entries is known to be so at the peers, and up to
// which of exaBGP's UPDATEs. It is of the entries as they were when it was
// written: one that other entries were written after is none.
type Proof struct {
	// Launched are the launches ([Claim]) of which not all has come to its end, in
	// order. Of no other route anything is under way.
	Launched []uint64
	// Proven is the last launch with all of which, and of those before it, sessions
	// have lived on.
	Proven uint64
	Peers  []PeerProof // in the order of their addresses
	// Tape and Read tell up to where exaBGP's words are known.
	Tape, Read uint64
}

// PeerProof is what is known of one peer.
type PeerProof struct {
	Peer netip.Addr
	// Whole tells that every route there is as its claim says, but for those that
	// are under way, and no route is without a claim.
	Whole bool
	Up    bool // the session was up; else the rest says nothing
	// The session came up after After and not after Before, and was there when it
	// was asked for at Alive. In Unix milliseconds, by the clock of the host.
	After, Before, Alive int64
	Updates              uint64     // that exaBGP had sent in this session
	Ended                bool       // it was sent an End-of-RIB from here
	Self4, Self6         netip.Addr // what it got for next-hop self; zero for none
}

const (
	keyProof     = "proof"
	proofVersion = 1
)

// Keep stores the entries, and what of all of them is proven, all or none. See
// [Journal.Put]. Without a proof there is none until the next.
func (j *Journal) Keep(entries []Entry, proof *Proof) error {
	return j.note("write", func(tx *bbolt.Tx) error {
		err := put(tx, entries)
		if err != nil && !errors.Is(err, errUnchanged) {
			return err
		}
		unchanged := err != nil
		err = putProof(tx, proof)
		if errors.Is(err, errUnchanged) && !unchanged {
			return nil
		}
		return err
	})
}

func putProof(tx *bbolt.Tx, proof *Proof) error {
	meta := tx.Bucket([]byte(bucketMeta))
	old := meta.Get([]byte(keyProof))
	if proof == nil {
		if old == nil {
			return errUnchanged
		}
		return meta.Delete([]byte(keyProof))
	}
	value, err := encodeProof(meta.Get([]byte(keySeal)), proof)
	switch {
	case err != nil:
		return err
	case bytes.Equal(old, value):
		return errUnchanged
	}
	return meta.Put([]byte(keyProof), value)
}

// loadProof returns the proof of the claims under a seal, nil if there is none.
func loadProof(tx *bbolt.Tx) (*Proof, error) {
	meta := tx.Bucket([]byte(bucketMeta))
	value, sealed := meta.Get([]byte(keyProof)), meta.Get([]byte(keySeal))
	if value == nil {
		return nil, nil
	}
	proof, of, err := decodeProof(value)
	if err != nil {
		return nil, fmt.Errorf("%w: its proof: %w", errCorrupt, err)
	}
	if !bytes.Equal(of, sealed) {
		return nil, nil // claims were written since, by a release that knows no proof
	}
	return proof, nil
}

func encodeProof(seal []byte, proof *Proof) ([]byte, error) {
	b := append([]byte{proofVersion}, seal...)
	b = binary.AppendUvarint(binary.AppendUvarint(b, proof.Tape), proof.Read)
	b = binary.AppendUvarint(b, proof.Proven)
	b = binary.AppendUvarint(b, uint64(len(proof.Launched)))
	last := uint64(0)
	for _, id := range proof.Launched {
		if id <= last {
			return nil, fmt.Errorf("launch %d is behind %d", id, last)
		}
		b = binary.AppendUvarint(b, id-last)
		last = id
	}
	b = binary.AppendUvarint(b, uint64(len(proof.Peers)))
	for _, p := range proof.Peers {
		if !p.Peer.IsValid() || p.Peer.Zone() != "" {
			return nil, fmt.Errorf("peer %q is no plain address", p.Peer)
		}
		b = append(appendAddr(b, p.Peer), flag(p.Whole)|flag(p.Up)<<1|flag(p.Ended)<<2)
		for _, at := range []int64{p.After, p.Before, p.Alive} {
			b = binary.AppendVarint(b, at)
		}
		b = binary.AppendUvarint(b, p.Updates)
		for _, self := range []netip.Addr{p.Self4, p.Self6} {
			if !self.IsValid() {
				b = append(b, 0)
				continue
			}
			b = appendAddr(b, self.WithZone(""))
		}
	}
	return binary.BigEndian.AppendUint32(b, checksum([]byte(keyProof), b)), nil
}

// decodeProof reads exactly what [encodeProof] writes.
func decodeProof(value []byte) (proof *Proof, seal []byte, err error) {
	body := len(value) - 4
	if body < 17 || value[0] != proofVersion {
		return nil, nil, fmt.Errorf("record is not of version %d", proofVersion)
	}
	if storedChecksum(value) != checksum([]byte(keyProof), value[:body]) {
		return nil, nil, errors.New("checksum of the record is wrong")
	}
	seal = value[1:17]
	r := reader{b: value[17:body]}
	proof = &Proof{Tape: r.unsigned(), Read: r.unsigned(), Proven: r.unsigned()}
	last := uint64(0)
	for range r.count(1) {
		step := r.unsigned()
		if step == 0 || last+step < last {
			r.fail("launches out of order")
		}
		last += step
		proof.Launched = append(proof.Launched, last)
	}
	var before []netip.Addr
	for range r.count(12) {
		var p PeerProof
		p.Peer = r.peer(before)
		before = append(before, p.Peer)
		flags := r.take(1)
		if len(flags) == 0 || flags[0] > 7 {
			r.fail("flags that are not known")
			break
		}
		p.Whole, p.Up, p.Ended = flags[0]&1 != 0, flags[0]&2 != 0, flags[0]&4 != 0
		p.After, p.Before, p.Alive = r.number(), r.number(), r.number()
		p.Updates = r.unsigned()
		p.Self4, p.Self6 = r.optional(), r.optional()
		proof.Peers = append(proof.Peers, p)
	}
	if len(r.b) > 0 {
		r.fail("bytes after the last peer")
	}
	if r.err != nil {
		return nil, nil, r.err
	}
	return proof, seal, nil
}

// optional reads an address, or the 0 that stands for none.
func (r *reader) optional() netip.Addr {
	if len(r.b) > 0 && r.b[0] == 0 {
		r.take(1)
		return netip.Addr{}
	}
	return r.peer(nil)
}
