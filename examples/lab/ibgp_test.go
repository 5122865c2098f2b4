package main

import (
	"strings"
	"testing"
)

func TestSwapped(t *testing.T) {
	got, err := swapped("local A; neighbor B;", swap{"local A;", "local 1;"}, swap{"B", "2"})
	if err != nil || got != "local 1; neighbor 2;" {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{"local B;", "local A; local A;"} {
		if _, err := swapped(text, swap{"local A;", "local 1;"}); err == nil || !strings.Contains(err.Error(), `"local A;"`) {
			t.Errorf("%q was taken: %v", text, err)
		}
	}
}
