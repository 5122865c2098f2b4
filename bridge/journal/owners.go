package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"routesync/state"
)

const (
	bucketOwners = "owners"
	keyOwners    = "owners" // in meta: the seal of that bucket

	ownerVersion = 1
	ownerOrders  = 2 // has orders, and is written only where there are some
)

// Owner is what the bridge knows of those who command for one owner.
type Owner struct {
	Name     string
	Revision state.Revision // of the file that was accepted last; zero if none was
	Host     string         // that has it
	// Heard is when a commander last gave a sign of life, in Unix milliseconds; 0
	// if nothing depends on it.
	Heard int64
	Orders
}

// PutOwners stores what is known of these owners, where it outlives this process;
// [Journal.Sync] has it outlive the machine's end. Names are not empty.
func (j *Journal) PutOwners(owners []Owner) error {
	return j.note("write the owners of", func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		bucket, err := tx.CreateBucketIfNotExists([]byte(bucketOwners))
		if err != nil {
			return err
		}
		sum := seal{}
		if stored := meta.Get([]byte(keyOwners)); stored != nil {
			if sum, err = decodeSeal(stored); err != nil {
				return err
			}
		}
		changed := false
		for _, o := range owners {
			if o.Trial == nil {
				if err := forgetTried(tx, o.Name); err != nil {
					return fmt.Errorf("owner %q: %w", o.Name, err)
				}
			}
			key := []byte(o.Name)
			value, err := encodeOwner(o)
			if err != nil {
				return fmt.Errorf("owner %q: %w", o.Name, err)
			}
			old := bucket.Get(key)
			if bytes.Equal(old, value) {
				continue
			}
			changed = true
			if old != nil {
				sum = sum.without(old)
			}
			sum = sum.with(value)
			if err := bucket.Put(key, value); err != nil {
				return fmt.Errorf("owner %q: %w", o.Name, err)
			}
		}
		if !changed {
			return errUnchanged
		}
		return meta.Put([]byte(keyOwners), sum.encode())
	})
}

// Sync returns when all that was stored is on the disk.
func (j *Journal) Sync() error {
	if err := j.guarded(func() error { return j.db.Sync() }); err != nil {
		return fmt.Errorf("sync journal %s: %w", j.path, err)
	}
	return nil
}

func encodeOwner(o Owner) ([]byte, error) {
	version := byte(ownerVersion)
	if o.Orders.any() {
		version = ownerOrders
	}
	b := appendText([]byte{version}, o.Revision.Digest)
	b = binary.AppendVarint(b, o.Revision.Changed)
	b = appendText(b, o.Host)
	b = binary.AppendVarint(b, o.Heard)
	if version >= ownerOrders {
		text, err := o.Orders.encode()
		if err != nil {
			return nil, err
		}
		b = appendText(b, text)
	}
	return binary.BigEndian.AppendUint32(b, checksum([]byte(o.Name), b)), nil
}

// decodeOwner reads exactly what [encodeOwner] writes.
func decodeOwner(key, value []byte) (Owner, error) {
	if len(value) < 1 || value[0] < ownerVersion || value[0] > ownerOrders {
		return Owner{}, fmt.Errorf("record of an owner is not of version %d or %d", ownerVersion, ownerOrders)
	}
	body := len(value) - 4
	if body < 1 || storedChecksum(value) != checksum(key, value[:body]) {
		return Owner{}, errors.New("checksum of the record of an owner is wrong")
	}
	r := reader{b: value[1:body]}
	o := Owner{Name: string(key)}
	o.Revision.Digest = string(r.take(r.count(1)))
	o.Revision.Changed = r.number()
	o.Host = string(r.take(r.count(1)))
	o.Heard = r.number()
	if value[0] >= ownerOrders {
		text := r.take(r.count(1))
		if r.err == nil {
			var err error
			if o.Orders, err = decodeOrders(text); err != nil {
				return Owner{}, fmt.Errorf("record of an owner: %w", err)
			}
		}
	}
	if len(r.b) > 0 {
		r.fail("bytes after the owner")
	}
	if r.err != nil {
		return Owner{}, r.err
	}
	return o, nil
}

// loadOwners reads what is known of the owners. A journal of an earlier release
// has nothing of them.
func loadOwners(tx *bbolt.Tx) ([]Owner, error) {
	bucket := tx.Bucket([]byte(bucketOwners))
	sealed := tx.Bucket([]byte(bucketMeta)).Get([]byte(keyOwners))
	if bucket == nil && sealed == nil {
		return nil, nil
	}
	if bucket == nil {
		return nil, fmt.Errorf("%w: its owners are missing", errCorrupt)
	}
	stored, err := decodeSeal(sealed)
	if err != nil {
		return nil, fmt.Errorf("owners: %w", err)
	}
	var owners []Owner
	sum := seal{}
	err = bucket.ForEach(func(k, v []byte) error {
		o, err := decodeOwner(k, v)
		if err != nil {
			return fmt.Errorf("%w: owner %q: %w", errCorrupt, k, err)
		}
		sum = sum.with(v)
		owners = append(owners, o)
		return nil
	})
	if err == nil && sum != stored {
		err = fmt.Errorf("%w: its seal is of %d owners, it has %d, or others", errCorrupt, stored.count, sum.count)
	}
	return owners, err
}
