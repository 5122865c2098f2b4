package main

import (
	"testing"

	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/state"
)

// TestDeclaredWithTheLease: a file that no guard has looked at yet is not in force, and
// neither is the one before it, which may be older than what is.
func TestDeclaredWithTheLease(t *testing.T) {
	t.Parallel()
	r := state.Revision{Digest: "x", Changed: 5}
	s := &kept{target: targetOf(r)}
	if got := s.declared(); got != (state.Revision{}) {
		t.Errorf("of a file that was not judged: %v", got)
	}
	s.over = "y"
	if got := s.declared(); got != r {
		t.Errorf("of an older file that is meant: %v", got)
	}
}

// TestNamesOfObstacles: what a loop notes has the name that readers know.
func TestNamesOfObstacles(t *testing.T) {
	t.Parallel()
	if reconcile.Guarded != wire.Guarded || reconcile.Flapping != wire.Flapping {
		t.Errorf("%s and %s, %s and %s", reconcile.Guarded, wire.Guarded, reconcile.Flapping, wire.Flapping)
	}
}
