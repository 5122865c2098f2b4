//go:build linux

package watch

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A writer that pauses in the middle, for longer than the file takes to settle,
// is waited for: half a file is often a valid file.
func TestWriterThatPauses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(path, []byte("first\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	emitted := make(chan Content, 16)
	done := make(chan error, 1)
	go func() {
		done <- New(path, Options{Poll: 100 * time.Millisecond}, slog.New(slog.DiscardHandler)).Run(ctx, func(c Content) { emitted <- c })
	}()
	if c := <-emitted; string(c.Data) != "first\n" {
		t.Fatalf("emitted %q first", c.Data)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("half of "); err != nil {
		t.Fatal(err)
	}
	select {
	case c := <-emitted:
		t.Errorf("emitted %q while the writer had it open", c.Data)
	case <-time.After(500 * time.Millisecond): // many times what settling takes
	}
	if _, err := file.WriteString("the second\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case c := <-emitted:
		if string(c.Data) != "half of the second\n" {
			t.Errorf("emitted %q", c.Data)
		}
	case <-ctx.Done():
		t.Error("nothing was emitted after the writer was done")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
