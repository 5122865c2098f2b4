package journal

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

const bucketTried = "tried"

// Tried is what was before, of each route and peer that the trial of an owner has
// changed. A claim without a value says that nothing was announced.
type Tried struct {
	Owner   string
	Entries []Entry // in the order of their keys
}

// Try stores entries of a trial, over those of the same keys. Its owner has a
// [Trial]; when it has none any more, they are forgotten.
func (j *Journal) Try(owner string, entries []Entry) error {
	return j.note("write the trial of", func(tx *bbolt.Tx) error {
		all, err := tx.CreateBucketIfNotExists([]byte(bucketTried))
		if err != nil {
			return err
		}
		of, err := all.CreateBucketIfNotExists([]byte(owner))
		if err != nil {
			return fmt.Errorf("owner %q: %w", owner, err)
		}
		claims, err := of.CreateBucketIfNotExists([]byte(bucketClaims))
		if err != nil {
			return err
		}
		if of.Get([]byte(keySeal)) == nil {
			if err := of.Put([]byte(keySeal), seal{}.encode()); err != nil {
				return err
			}
		}
		claims.FillPercent = fill
		return putSealed(of, claims, entries)
	})
}

// forgetTried forgets the routes of a trial, if there are some.
func forgetTried(tx *bbolt.Tx, owner string) error {
	all := tx.Bucket([]byte(bucketTried))
	if all == nil || all.Bucket([]byte(owner)) == nil {
		return nil
	}
	return all.DeleteBucket([]byte(owner))
}

// loadTried reads the routes of trials, all of which have an owner with one.
func loadTried(tx *bbolt.Tx, owners []Owner) ([]Tried, error) {
	all := tx.Bucket([]byte(bucketTried))
	if all == nil {
		return nil, nil
	}
	on := map[string]bool{}
	for _, o := range owners {
		on[o.Name] = o.Trial != nil
	}
	var out []Tried
	err := all.ForEachBucket(func(name []byte) error {
		owner := string(name)
		claims := all.Bucket(name).Bucket([]byte(bucketClaims))
		if !on[owner] || claims == nil {
			return fmt.Errorf("%w: owner %q has routes of a trial, and no trial", errCorrupt, owner)
		}
		entries, err := loadSealed(claims, all.Bucket(name).Get([]byte(keySeal)))
		if err != nil {
			return fmt.Errorf("the trial of owner %q: %w", owner, err)
		}
		out = append(out, Tried{owner, entries})
		return nil
	})
	if err == nil {
		err = all.ForEach(func(k, v []byte) error {
			if v != nil {
				return fmt.Errorf("%w: trials have a value %q", errCorrupt, k)
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, errCorrupt) {
		err = fmt.Errorf("%w: %w", errCorrupt, err)
	}
	return out, err
}
