package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"go.etcd.io/bbolt"

	"routesync/state"
)

// Quarantined is a route that a peer's session falls of. It outlives the life of
// exaBGP in which that was found.
type Quarantined struct {
	Peer  netip.Addr
	Key   state.Key
	Owner string
	Value string // its attributes, as in [Claim]
	// Reason says what happened, for people. None: it is not in quarantine.
	Reason string
	At     int64 // when it was found, in Unix milliseconds
}

const (
	bucketQuarantine = "quarantine"
	bucketRoutes     = "routes"

	quarantineVersion = 1
)

// Quarantine stores what is in quarantine, and what is not any more, all or none.
func (j *Journal) Quarantine(all []Quarantined) error {
	return j.update("write the quarantine of", func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(bucketQuarantine))
		if err != nil {
			return err
		}
		routes, err := bucket.CreateBucketIfNotExists([]byte(bucketRoutes))
		if err != nil {
			return err
		}
		var sum seal
		if stored := bucket.Get([]byte(keySeal)); stored != nil {
			if sum, err = decodeSeal(stored); err != nil {
				return err
			}
		}
		for _, q := range all {
			key, value, err := encodeQuarantined(q)
			if err != nil {
				return fmt.Errorf("%s: %w", q.Key, err)
			}
			if old := routes.Get(key); old != nil {
				sum = sum.without(old)
			}
			if q.Reason == "" {
				err = routes.Delete(key)
			} else {
				sum = sum.with(value)
				err = routes.Put(key, value)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", q.Key, err)
			}
		}
		return bucket.Put([]byte(keySeal), sum.encode())
	})
}

// loadQuarantine reads what is in quarantine. A journal of an earlier release
// has no such bucket.
func loadQuarantine(tx *bbolt.Tx) ([]Quarantined, error) {
	bucket := tx.Bucket([]byte(bucketQuarantine))
	if bucket == nil {
		return nil, nil
	}
	routes := bucket.Bucket([]byte(bucketRoutes))
	if routes == nil {
		return nil, fmt.Errorf("%w: the quarantine has no routes", errCorrupt)
	}
	stored, err := decodeSeal(bucket.Get([]byte(keySeal)))
	if err != nil {
		return nil, fmt.Errorf("the quarantine: %w", err)
	}
	var all []Quarantined
	var sum seal
	var before []byte
	err = routes.ForEach(func(k, v []byte) error {
		if before != nil && bytes.Compare(before, k) >= 0 {
			return fmt.Errorf("%w: quarantine: key %x is out of order", errCorrupt, k)
		}
		before = k // stays mapped until the transaction ends
		q, err := decodeQuarantined(k, v)
		if err != nil {
			return fmt.Errorf("%w: quarantine: key %x: %w", errCorrupt, k, err)
		}
		sum = sum.with(v)
		all = append(all, q)
		return nil
	})
	if err == nil && sum != stored {
		err = fmt.Errorf("%w: the quarantine's seal is of %d records, it has %d, or others", errCorrupt, stored.count, sum.count)
	}
	return all, err
}

func encodeQuarantined(q Quarantined) (key, value []byte, err error) {
	if !q.Peer.IsValid() || q.Peer.Zone() != "" {
		return nil, nil, fmt.Errorf("peer %q is no plain address", q.Peer)
	}
	key = append([]byte{byte(q.Peer.BitLen() / 8)}, q.Peer.AsSlice()...)
	key = append(appendText(key, q.Owner), encodeKey(q.Key)...)
	value = []byte{quarantineVersion}
	for _, text := range []string{q.Value, q.Reason} {
		value = appendText(value, text)
	}
	value = binary.AppendVarint(value, q.At)
	return key, binary.BigEndian.AppendUint32(value, checksum(key, value)), nil
}

// decodeQuarantined reads exactly what [encodeQuarantined] writes.
func decodeQuarantined(key, value []byte) (Quarantined, error) {
	if len(value) < 1 || value[0] != quarantineVersion {
		return Quarantined{}, fmt.Errorf("record is not of version %d", quarantineVersion)
	}
	body := len(value) - 4
	if body < 1 || storedChecksum(value) != checksum(key, value[:body]) {
		return Quarantined{}, errors.New("checksum of the record is wrong")
	}
	k := reader{b: key}
	q := Quarantined{Peer: k.peer(nil)}
	q.Owner = string(k.take(k.count(1)))
	if k.err != nil {
		return Quarantined{}, k.err
	}
	var err error
	if q.Key, err = decodeKey(k.b); err != nil {
		return Quarantined{}, err
	}
	r := reader{b: value[1:body]}
	for _, text := range []*string{&q.Value, &q.Reason} {
		*text = string(r.take(r.count(1)))
	}
	q.At = r.number()
	if len(r.b) > 0 {
		r.fail("bytes after the last field")
	}
	if q.Reason == "" {
		r.fail("no reason")
	}
	return q, r.err
}
