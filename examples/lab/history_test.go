//go:build integration

package main

import "testing"

func TestHistoryTry(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("10.0.0.0/24", "10.0.1.0/24, med: 1")
	s.expect(0, "apply --yes")
	s.put("10.0.1.0/24, med: 2")
	s.expect(0, "apply --yes")
	for _, c := range []string{"history", "show 1", "show 2 -o json", "blame 10.0.0.0/24", "blame 10.0.1.5", "diff 1 2"} {
		t.Logf("%s\n%s", c, s.expect(0, c).stdout)
	}
	t.Log(s.expect(0, "rollback 1 --yes"))
	t.Log(s.expect(0, "history").stdout)
}
