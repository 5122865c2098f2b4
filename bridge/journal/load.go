package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// load reads and checks everything. Its errors are errCorrupt.
func (j *Journal) load(tx *bbolt.Tx) (Memory, error) {
	meta, claims := tx.Bucket([]byte(bucketMeta)), tx.Bucket([]byte(bucketClaims))
	if meta == nil || claims == nil {
		return Memory{}, fmt.Errorf("%w: it is no journal: its buckets are missing", errCorrupt)
	}
	if f := meta.Get([]byte(keyFormat)); len(f) != 4 || binary.BigEndian.Uint32(f) < formatFirst || binary.BigEndian.Uint32(f) > format {
		return Memory{}, fmt.Errorf("%w: it is of format %x, not of %d or %d", errCorrupt, f, formatFirst, format)
	}
	if s := string(meta.Get([]byte(keySpeaker))); s != j.speaker {
		return Memory{}, fmt.Errorf("%w: it is of speaker %q, not of %q", errCorrupt, s, j.speaker)
	}
	if err := named(tx, meta); err != nil {
		return Memory{}, err
	}
	boot := meta.Get([]byte(keyBoot))
	if boot == nil {
		return Memory{}, fmt.Errorf("%w: it does not say of which boot it is", errCorrupt)
	}
	epoch, err := decodeEpoch(meta.Get([]byte(keyEpoch)))
	if err != nil {
		return Memory{}, err
	}
	entries, err := loadSealed(claims, meta.Get([]byte(keySeal)))
	if err != nil {
		return Memory{}, err
	}
	before, err := loadBefore(tx)
	if err != nil {
		return Memory{}, err
	}
	quarantined, err := loadQuarantine(tx)
	if err != nil {
		return Memory{}, err
	}
	owners, err := loadOwners(tx)
	if err != nil {
		return Memory{}, err
	}
	tried, err := loadTried(tx, owners)
	if err != nil {
		return Memory{}, err
	}
	proof, err := loadProof(tx)
	if err != nil {
		return Memory{}, err
	}
	return Memory{Boot: string(boot), Epoch: epoch, Entries: entries, Before: before, Quarantined: quarantined, Owners: owners, Tried: tried, Proof: proof}, nil
}

// named fails if the file has what no journal has: a name that is not what it was
// would be missed by nobody.
func named(tx *bbolt.Tx, meta *bbolt.Bucket) error {
	buckets := []string{bucketMeta, bucketClaims, bucketBefore, bucketQuarantine, bucketOwners, bucketTried}
	err := tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		if b == nil || !slices.Contains(buckets, string(name)) {
			return fmt.Errorf("%w: %q is no bucket of a journal", errCorrupt, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	keys := []string{keyFormat, keySpeaker, keyBoot, keyEpoch, keySeal, keyProof, keyOwners}
	return meta.ForEach(func(key, value []byte) error {
		if value == nil || !slices.Contains(keys, string(key)) {
			return fmt.Errorf("%w: its root has %q", errCorrupt, key)
		}
		return nil
	})
}

// loadSealed reads claims, and checks that they are those that were sealed.
func loadSealed(claims *bbolt.Bucket, sealed []byte) ([]Entry, error) {
	stored, err := decodeSeal(sealed)
	if err != nil {
		return nil, err
	}
	entries, sum, err := loadClaims(claims, min(stored.count, maxRoom))
	if err != nil {
		return nil, err
	}
	if sum != stored {
		return nil, fmt.Errorf("%w: its seal is of %d records, it has %d, or others", errCorrupt, stored.count, sum.count)
	}
	return entries, nil
}

// maxRoom bounds the entries that room is made for before they were read: a seal
// may say anything.
const maxRoom = 1 << 20

func loadClaims(claims *bbolt.Bucket, room uint64) ([]Entry, seal, error) {
	entries := slices.Grow([]Entry(nil), int(room))
	var sum seal
	var before []byte
	var records decoder
	err := claims.ForEach(func(k, v []byte) error {
		if before != nil && bytes.Compare(before, k) >= 0 {
			return fmt.Errorf("%w: key %x is out of order", errCorrupt, k)
		}
		before = k // stays mapped until the transaction ends
		key, err := decodeKey(k)
		if err != nil {
			return fmt.Errorf("%w: %w", errCorrupt, err)
		}
		list, err := records.claimsOf(k, v)
		if err != nil {
			return fmt.Errorf("%w: key %x: %w", errCorrupt, k, err)
		}
		sum = sum.with(v)
		entries = append(entries, Entry{Key: key, Claims: list})
		return nil
	})
	return entries, sum, err
}

func decodeEpoch(b []byte) (int64, error) {
	if len(b) != 8 || b[0] > 0x7f {
		return 0, fmt.Errorf("%w: epoch %x is no epoch", errCorrupt, b)
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// seal says which records belong together.
type seal struct{ count, sum uint64 }

func (s seal) with(value []byte) seal {
	return seal{s.count + 1, s.sum + uint64(storedChecksum(value))}
}

func (s seal) without(value []byte) seal {
	return seal{s.count - 1, s.sum - uint64(storedChecksum(value))}
}

func (s seal) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, s.count), s.sum)
}

func decodeSeal(b []byte) (seal, error) {
	if len(b) != 16 {
		return seal{}, fmt.Errorf("%w: seal %x is no seal", errCorrupt, b)
	}
	return seal{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, nil
}
