package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
