package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// replaceFile writes a file so that whoever reads it, at whatever moment, sees
// the whole of the old or of the new. Mode and owner stay; a link stays a link.
func replaceFile(path string, data []byte) error {
	if err := replace(path, data); err != nil {
		return hinted(fmt.Errorf("write %s: %w", path, bare(err)))
	}
	return nil
}

// spare is the error of a file that would be replaced, and is not what the command
// writes: it may be the only copy of something, as of the routes. ours tells by how a
// file begins. One that can't be read is for [replaceFile] to judge.
func spare(path, what string, ours func(head []byte) bool) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() // it was only read
	head, err := io.ReadAll(io.LimitReader(f, 512))
	if err != nil || len(head) == 0 || ours(head) {
		return nil
	}
	return hinted(fmt.Errorf("%s is there already, and is no %s: it is left as it is", path, what), "give another name, or remove it")
}

func replace(path string, data []byte) (err error) {
	if path, err = target(path); err != nil {
		return err
	}
	old, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && !old.Mode().IsRegular() {
		return errors.New("it is no file")
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*~")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = dress(f.Name(), old)
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// target is the file that a path leads to.
func target(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return real, err
}

// dress gives a file the mode and the owner of the one that it replaces.
func dress(path string, old fs.FileInfo) error {
	if old == nil {
		return os.Chmod(path, 0o644)
	}
	fresh, err := os.Stat(path)
	if err != nil {
		return err
	}
	was, ok1 := old.Sys().(*syscall.Stat_t)
	is, ok2 := fresh.Sys().(*syscall.Stat_t)
	if ok1 && ok2 && (was.Uid != is.Uid || was.Gid != is.Gid) {
		if err := os.Chown(path, int(was.Uid), int(was.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, old.Mode().Perm())
}
