package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// Lost says why what is written here will not be found by the bridge that comes
// next: the file was removed or replaced, or it was spoilt.
func (j *Journal) Lost() error {
	switch {
	case j.broken != nil:
		return j.broken
	case !current(j.file, j.path):
		return fmt.Errorf("journal %s was removed, or another file put in its place", j.path)
	}
	return nil
}

// Renew makes an empty journal in the place of one that is lost. A file that is
// there is put aside: whatever it says, it is not what this bridge wrote.
func (j *Journal) Renew(ctx context.Context, now time.Time) (err error) {
	defer func() {
		if err != nil {
			j.db, j.broken = nil, fmt.Errorf("journal %s is not open: %w", j.path, err)
		}
	}()
	if err := j.abandon(j.file); err != nil && !errors.Is(err, errPanicked) {
		return fmt.Errorf("close journal %s: %w", j.path, err)
	}
	dir := filepath.Dir(j.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make journal directory: %w", err)
	}
	file, fresh, err := lock(ctx, j.path)
	if err != nil {
		return err
	}
	if !fresh {
		j.reason = "it was spoilt or put there while the bridge ran"
		j.aside, err = putAside(j.path, now)
	} else {
		err = os.Remove(j.path) // it is made again, by the one way to do so
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("make room for journal %s: %w", j.path, err)
	}
	return j.openAt(ctx, now)
}

// Replace stores the entries in the place of all that there are.
func (j *Journal) Replace(entries []Entry) error {
	return j.note("write", func(tx *bbolt.Tx) error {
		err := tx.DeleteBucket([]byte(bucketClaims))
		if err == nil {
			_, err = tx.CreateBucket([]byte(bucketClaims))
		}
		if err == nil {
			err = tx.Bucket([]byte(bucketMeta)).Put([]byte(keySeal), seal{}.encode())
		}
		if err != nil {
			return err
		}
		if err := put(tx, entries); err != nil && !errors.Is(err, errUnchanged) {
			return err
		}
		return nil
	})
}
