package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"routesync/state"
)

const (
	// format is what is written. The first knows of no orders and no trials; a
	// journal of it is one of the second in which there are none.
	format      = 2
	formatFirst = 1

	bucketMeta   = "meta"
	bucketClaims = "claims"
	bucketBefore = "before"

	keyFormat  = "format"
	keySpeaker = "speaker"
	keyBoot    = "boot"
	keyEpoch   = "epoch"
	keySeal    = "seal"
)

// Claim says for whom a route is announced, how, and at which peers.
type Claim struct {
	Owner string
	From  state.Provenance // of a route that was given by hand
	// Value is its attributes, as [state.Attrs.Canonical] has them; "" if they
	// are not known, as in a record of an earlier release.
	Value   string
	Leaving bool // it is to be withdrawn
	Aside   bool // it was taken out of exaBGP's table, and is to come back
	// Launch is the number of the command that it was last given with, at these
	// peers, 0 if that has come to its end for certain or is not known; see [Proof].
	Launch uint64
	// Spelled tells that it was given with words for what goes without saying.
	Spelled bool
	Peers   []netip.Addr
}

// Entry is what the bridge knows of one route. No claims: forget it.
type Entry struct {
	Key    state.Key
	Claims []Claim // in the order of their owners, provenances and values, each once
}

// Memory is what a journal holds.
type Memory struct {
	Boot    string // the life of exaBGP that the entries belong to
	Epoch   int64
	Entries []Entry // in the order of their keys
	// Before is what was announced in the life before it, and is to be announced
	// again, in the order of its keys.
	Before []Entry
	// Quarantined is in the order of its peers, owners and keys.
	Quarantined []Quarantined
	Owners      []Owner // in the order of their names
	Tried       []Tried // in the order of their owners
	Proof       *Proof  // of the entries; nil if there is none
}

// Journal is an open file. One goroutine may use it at a time.
type Journal struct {
	db      *bbolt.DB
	file    *os.File
	path    string
	speaker string
	broken  error   // after which nothing can be done with db, not even close it
	opened  *Memory // what was found at open, until it is loaded or something is written

	aside, reason string
}

// errCorrupt is a file that must not be believed, not a failure to get at it.
var errCorrupt = errors.New("corrupt")

// Open opens the journal of a speaker, or makes an empty one. A file that
// cannot be believed is put aside; see [Journal.SetAside]. If another process
// has the journal open, Open waits a few seconds for it.
func Open(ctx context.Context, dir, speaker string, now time.Time) (*Journal, error) {
	path, err := pathOf(dir, speaker)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make journal directory: %w", err)
	}
	j := &Journal{path: path, speaker: speaker}
	if err := j.openAt(ctx, now); err != nil {
		return nil, err
	}
	return j, nil
}

func (j *Journal) openAt(ctx context.Context, now time.Time) error {
	for {
		file, fresh, err := lock(ctx, j.path)
		if err != nil {
			return err
		}
		err = j.open(file, fresh)
		if err == nil && fresh {
			err = syncDir(filepath.Dir(j.path))
		}
		if err == nil {
			return nil
		}
		corrupt := errors.Is(err, errCorrupt)
		if corrupt && fresh {
			corrupt = false // the disk spoils what was just written: that does not get better by itself
		}
		if corrupt {
			j.reason = err.Error()
			j.aside, err = putAside(j.path, now)
		}
		// Only now, for the lock must be held until the name is free.
		err = errors.Join(err, j.abandon(file))
		if err != nil || !corrupt {
			return err
		}
	}
}

// abandon closes a file that could not be opened as a journal, as far as it
// is open.
func (j *Journal) abandon(file *os.File) error {
	if j.db != nil && j.broken == nil {
		err := guard(j.db.Close)
		j.db = nil
		return err
	}
	if j.db != nil {
		// Its pages stay mapped, and would hold the lock with the file.
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) // if not, Renew says who holds it
		j.db = nil
	}
	if err := file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// open makes a journal of a locked file.
func (j *Journal) open(file *os.File, fresh bool) error {
	j.file, j.broken = file, nil
	if !fresh {
		info, err := file.Stat()
		if err != nil {
			return fmt.Errorf("journal %s: %w", j.path, err)
		}
		if info.Size() == 0 {
			return fmt.Errorf("%w: it is empty", errCorrupt)
		}
		if err := checkPages(file, info.Size()); err != nil {
			return fmt.Errorf("%w: %w", errCorrupt, err)
		}
	}
	err := guard(func() (err error) {
		j.db, err = bbolt.Open(j.path, 0o600, &bbolt.Options{
			// The list of free pages is written with each transaction: it is
			// short here, and without it bbolt rebuilds it at open in goroutines
			// of its own, where a panic cannot be caught.
			NoFreelistSync: false,
			// A list in an array is searched from its start for each page.
			FreelistType: bbolt.FreelistMapType,
			// The lock is held by this very open file, so bbolt gets it at once.
			OpenFile: func(string, int, os.FileMode) (*os.File, error) { return file, nil },
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("open journal %s: %w", j.path, err)
	}
	if fresh {
		return j.update("make", j.initialize)
	}
	m, err := j.Load()
	if err == nil {
		err = j.upgrade()
	}
	j.opened = &m
	return err
}

// upgrade makes a journal of an earlier format one of this: a bridge of that
// release would not know what is in it from now on.
func (j *Journal) upgrade() error {
	return j.update("upgrade", func(tx *bbolt.Tx) error {
		meta, now := tx.Bucket([]byte(bucketMeta)), binary.BigEndian.AppendUint32(nil, format)
		if bytes.Equal(meta.Get([]byte(keyFormat)), now) {
			return errUnchanged
		}
		return meta.Put([]byte(keyFormat), now)
	})
}

func (j *Journal) initialize(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucket([]byte(bucketMeta))
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket([]byte(bucketClaims)); err != nil {
		return err
	}
	return errors.Join(
		meta.Put([]byte(keyFormat), binary.BigEndian.AppendUint32(nil, format)),
		meta.Put([]byte(keySpeaker), []byte(j.speaker)),
		meta.Put([]byte(keyBoot), nil),
		meta.Put([]byte(keyEpoch), binary.BigEndian.AppendUint64(nil, 0)),
		meta.Put([]byte(keySeal), seal{}.encode()))
}

// SetAside tells where Open put a file that it could not believe, and why;
// empty if there was none.
func (j *Journal) SetAside() (path, reason string) { return j.aside, j.reason }

// Load returns all that the journal holds. Entries may share their claims, which
// must not be changed.
func (j *Journal) Load() (Memory, error) {
	if j.opened != nil && j.broken == nil {
		m := *j.opened
		j.opened = nil
		return m, nil
	}
	var m Memory
	err := j.guarded(func() error {
		return j.db.View(func(tx *bbolt.Tx) (err error) {
			m, err = j.load(tx)
			return err
		})
	})
	if err != nil {
		return Memory{}, fmt.Errorf("load journal %s: %w", j.path, err)
	}
	return m, nil
}

// Begin tells the journal which life of exaBGP what follows belongs to. The
// entries of another life become those of the life before, over what is left of
// such that was not replayed; there they stay until [Journal.Replayed].
func (j *Journal) Begin(boot string) error {
	return j.update("begin", func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		if string(meta.Get([]byte(keyBoot))) == boot {
			return errUnchanged
		}
		if err := shelve(tx); err != nil {
			return err
		}
		return errors.Join(meta.Put([]byte(keyBoot), []byte(boot)), meta.Put([]byte(keySeal), seal{}.encode()), meta.Delete([]byte(keyProof)))
	})
}

// Replayed forgets what was announced in the life before.
func (j *Journal) Replayed() error {
	return j.update("end the replay of", func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(bucketBefore)) == nil {
			return errUnchanged
		}
		return tx.DeleteBucket([]byte(bucketBefore))
	})
}

// Put stores the entries, all or none, where they outlive this process. Of two
// with one key the last counts.
func (j *Journal) Put(entries []Entry) error {
	return j.note("write", func(tx *bbolt.Tx) error { return put(tx, entries) })
}

const fill = 0.9

func put(tx *bbolt.Tx, entries []Entry) error {
	meta, claims := tx.Bucket([]byte(bucketMeta)), tx.Bucket([]byte(bucketClaims))
	// Keys of a large table come in order, mostly: by default a page that is split
	// stays half empty then.
	claims.FillPercent = fill
	return putSealed(meta, claims, entries)
}

// putSealed stores entries among claims, of which the seal is in another bucket.
func putSealed(sealed, claims *bbolt.Bucket, entries []Entry) error {
	sum, err := decodeSeal(sealed.Get([]byte(keySeal)))
	if err != nil {
		return err
	}
	changed := false
	for _, e := range entries {
		key, old := encodeKey(e.Key), []byte(nil)
		if old = claims.Get(key); old != nil {
			sum = sum.without(old)
		}
		if len(e.Claims) == 0 {
			changed = changed || old != nil
			if err := claims.Delete(key); err != nil {
				return err
			}
			continue
		}
		value, err := encodeClaims(key, e.Claims)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Key, err)
		}
		sum = sum.with(value)
		if bytes.Equal(old, value) {
			continue
		}
		changed = true
		if err := claims.Put(key, value); err != nil {
			return fmt.Errorf("%s: %w", e.Key, err)
		}
	}
	if !changed {
		return errUnchanged
	}
	return sealed.Put([]byte(keySeal), sum.encode())
}

// SetEpoch stores the highest epoch granted. A lower one than is stored is an
// error.
func (j *Journal) SetEpoch(epoch int64) error {
	return j.update("set the epoch of", func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		stored, err := decodeEpoch(meta.Get([]byte(keyEpoch)))
		switch {
		case err != nil:
			return err
		case epoch < stored:
			return fmt.Errorf("epoch %d is lower than %d", epoch, stored)
		case epoch == stored:
			return errUnchanged
		}
		return meta.Put([]byte(keyEpoch), binary.BigEndian.AppendUint64(nil, uint64(epoch)))
	})
}

// Close releases the file and its lock.
func (j *Journal) Close() error {
	if err := j.abandon(j.file); err != nil {
		return fmt.Errorf("close journal %s: %w", j.path, err)
	}
	return nil
}

// errUnchanged ends a transaction that would write what is there: a commit
// waits for the disk.
var errUnchanged = errors.New("unchanged")

// note runs a transaction that must outlive this process, but not the machine:
// claims are about a life of exaBGP, and die with it. What a crash of the
// machine leaves of the file is checked at the next Open like any other.
func (j *Journal) note(what string, f func(*bbolt.Tx) error) error {
	if j.broken == nil {
		j.db.NoSync = true
		defer func() { j.db.NoSync = false }()
	}
	return j.update(what, f)
}

// update runs one transaction, durable unless note says otherwise.
func (j *Journal) update(what string, f func(*bbolt.Tx) error) error {
	j.opened = nil
	err := j.guarded(func() error { return j.db.Update(f) })
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("%s journal %s: %w", what, j.path, err)
	}
	return nil
}

// guarded is guard for what works on the open file. bbolt holds its locks across
// a panic, so that after one nothing may be asked of it any more.
func (j *Journal) guarded(f func() error) error {
	if j.broken != nil {
		return j.broken
	}
	err := guard(f)
	if errors.Is(err, errPanicked) {
		j.broken = err
	}
	return err
}

// errPanicked is of a file in which bbolt found what it could not handle.
var errPanicked = fmt.Errorf("%w: bbolt", errCorrupt)

// guard makes an error of a panic and of a fault in mapped memory, such as a
// disk that fails to deliver a page.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanicked, r)
		}
	}()
	return f()
}
