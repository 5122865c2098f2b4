package rig

import (
	"net"
	"path/filepath"
	"testing"
)

func TestNotices(t *testing.T) {
	path := filepath.Join(newLab(t).sockets, "notices")
	tell := func(notice string) {
		t.Helper()
		conn, err := net.Dial("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(notice)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		notice string
		ready  bool
	}{
		{"STATUS=Startup in progress\n", false},
		{"READY=0\nSTATUS=READY=1", false},
		{"READY=1", true},
		{"STATUS=\nREADY=1\n", true},
	} {
		n, err := listenNotices(path) // where the one before left its socket
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.ready(); got || err != nil {
			t.Errorf("ready before a word was said: %v, error %v", got, err)
		}
		tell(tt.notice)
		if got, err := n.ready(); got != tt.ready || err != nil {
			t.Errorf("after %q: ready is %v, error %v", tt.notice, got, err)
		}
		tell("READY=1") // and nobody reads it: the next process has not said it
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
