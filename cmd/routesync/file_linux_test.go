package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"routesync/state"
)

// Half a list is a shorter list: what somebody is writing is not read.
func TestFileBeingWrittenIsNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, list := filepath.Join(dir, "routes.yaml"), filepath.Join(dir, "list")
	text := "version: 1\nowner: a\nspeakers: [x]\nroutes:\n- { prefixes-from: list, next-hop: self }\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := os.Create(list)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("10.0.0.0/8\n"); err != nil {
		t.Fatal(err)
	}
	if d, err := readDesired(file, nil); err == nil || !strings.Contains(err.Error(), "another process has it open for writing") {
		t.Errorf("read %+v, %v", d, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err := readDesired(file, nil); err != nil || len(d.Routes) != 1 {
		t.Errorf("read %+v, %v", d, err)
	}
}

// A pipe that nobody writes to holds up nobody.
func TestPipeIsNoFileOfRoutes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nowner: a\nspeakers: [x]\ninclude: [pipe]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(filepath.Dir(file), "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := readDesired(file, nil)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "it is not a regular file") {
			t.Errorf("error %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for a writer")
	}
}

// Nor does one in the place of a saved plan, or of what a plan is made against.
func TestPipeIsNoPlan(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	go func() {
		_, err := readSaved(pipe)
		done <- err
	}()
	go func() {
		_, _, err := readAgainst(pipe, &state.Desired{}, 0, io.Discard)
		done <- err
	}()
	for range 2 {
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "pipe: it is a pipe, and nobody has written to it") {
				t.Errorf("error %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it waits for a writer")
		}
	}
}
