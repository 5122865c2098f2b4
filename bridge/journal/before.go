package journal

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// shelve makes the claims those of the life before, and leaves none.
func shelve(tx *bbolt.Tx) error {
	root := tx.Bucket([]byte(bucketMeta)).Get([]byte(keySeal))
	before := tx.Bucket([]byte(bucketBefore))
	claims := tx.Bucket([]byte(bucketClaims))
	first, _ := claims.Cursor().First()
	switch {
	case first == nil:
		return nil // what there is of a life before stays
	case before == nil:
		// At once, however many there are.
		made, err := tx.CreateBucket([]byte(bucketBefore))
		if err != nil {
			return err
		}
		err = errors.Join(tx.MoveBucket([]byte(bucketClaims), nil, made), made.Put([]byte(keySeal), root))
		if err != nil {
			return err
		}
	default:
		if err := merge(before, claims); err != nil {
			return err
		}
		if err := tx.DeleteBucket([]byte(bucketClaims)); err != nil {
			return err
		}
	}
	_, err := tx.CreateBucket([]byte(bucketClaims))
	return err
}

// merge puts claims over those of the life before.
func merge(before, claims *bbolt.Bucket) error {
	sum, err := decodeSeal(before.Get([]byte(keySeal)))
	if err != nil {
		return err
	}
	shelved := before.Bucket([]byte(bucketClaims))
	err = claims.ForEach(func(k, v []byte) error {
		if old := shelved.Get(k); old != nil {
			sum = sum.without(old)
		}
		sum = sum.with(v)
		return shelved.Put(k, v)
	})
	if err != nil {
		return err
	}
	return before.Put([]byte(keySeal), sum.encode())
}

// loadBefore reads what was announced in the life before, if that is there.
func loadBefore(tx *bbolt.Tx) ([]Entry, error) {
	before := tx.Bucket([]byte(bucketBefore))
	if before == nil {
		return nil, nil
	}
	claims := before.Bucket([]byte(bucketClaims))
	if claims == nil {
		return nil, fmt.Errorf("%w: the life before has no claims", errCorrupt)
	}
	entries, err := loadSealed(claims, before.Get([]byte(keySeal)))
	if err != nil {
		return nil, fmt.Errorf("the life before: %w", err)
	}
	return entries, nil
}
