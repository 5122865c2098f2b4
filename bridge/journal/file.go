package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockWait is for the bridge before: when exaBGP is killed, its helper lives
// until it notices, and a new exaBGP may have started the next one.
const lockWait = 5 * time.Second

const lockRetry = 20 * time.Millisecond

// pathOf is the file of a speaker; a name that would lead out of dir, or be
// hidden there, is refused.
func pathOf(dir, speaker string) (string, error) {
	if speaker == "" || speaker[0] == '.' || strings.ContainsAny(speaker, "/\\\x00") {
		return "", fmt.Errorf("journal: speaker %q cannot be the name of a file", speaker)
	}
	return filepath.Join(dir, speaker+".db"), nil
}

// lock opens the file, makes it if there is none, and returns it locked. Fresh
// is whether this call made it.
func lock(ctx context.Context, path string) (file *os.File, fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		file, made, err := open(path)
		if err != nil {
			return nil, false, fmt.Errorf("open journal: %w", err)
		}
		fresh = fresh || made
		err = flock(ctx, file)
		if err == nil && current(file, path) {
			return file, fresh, nil
		}
		file.Close() // nothing was written
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return nil, false, fmt.Errorf("journal %s is locked, another bridge of this name is alive: %w", path, err)
		}
		if err != nil {
			return nil, false, fmt.Errorf("lock journal %s: %w", path, err)
		}
		fresh = false // whoever held the lock put our file aside
	}
}

func open(path string) (*os.File, bool, error) {
	made := true
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		made = false
		// Not blocking, for what is there may be a pipe.
		file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	}
	if err != nil {
		return nil, false, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, false, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	return file, made, nil
}

// flock takes the lock that bbolt would take. It is taken here because the
// pages may be checked only under it, and because bbolt's wait knows no ctx.
func flock(ctx context.Context, file *os.File) error {
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-retry.C:
		}
	}
}

// current tells whether the file still is what path names: while the lock was
// awaited, its holder may have put the file aside.
func current(file *os.File, path string) bool {
	ours, err1 := file.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(ours, there)
}

// putAside renames the file out of the way and keeps whatever was put aside
// before.
func putAside(path string, now time.Time) (string, error) {
	base := path + ".set-aside-" + strconv.FormatInt(now.Unix(), 10)
	aside := base
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); err != nil {
			break // there is none, or the rename will say why
		}
		aside = base + "-" + strconv.Itoa(n)
	}
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("put journal aside: %w", err)
	}
	return aside, nil
}

// syncDir makes the name of a new file as durable as its content.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open journal directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync journal directory %s: %w", dir, err)
	}
	return nil
}
