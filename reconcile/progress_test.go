package reconcile

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/state"
)

// TestProgress: what is told of a speaker is what its loop saw, and when it came to the
// file is not moved by what changes nothing.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		f.set.Complete = false
		d := file(t, "10.0.0.0/24", "10.0.1.0/24")
		refused := d.Routes[1].Key
		f.refuse[refused] = "not today"
		target.Set(d)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- Converge(ctx, f, target, quiet()) }()
		check := func(want Progress) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, target.Progress()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		}
		do := func(what func()) {
			f.inbox <- what
			synctest.Wait()
		}
		check(Progress{}) // nothing is known, and nothing is said to be done

		do(func() { f.set.Complete = true })
		check(Progress{Known: true, Desired: 2, Unchanged: 1, Pending: Changes{Announce: 1}, Published: Changes{Announce: 2}})

		time.Sleep(time.Second)
		delete(f.refuse, refused)
		target.Set(file(t, "10.0.0.0/24", "10.0.1.0/24 5"))
		came := time.Now()
		check(Progress{Known: true, Desired: 2, Unchanged: 2, Converged: came, Published: Changes{Announce: 3}})

		time.Sleep(time.Second)
		do(func() { f.set.Routes.Set([]state.Advert{{Owner: "other"}}, file(t, "10.9.0.0/24").Routes[0].Key) })
		check(Progress{Known: true, Desired: 2, Unchanged: 2, Foreign: 1, Converged: came, Published: Changes{Announce: 3}})

		time.Sleep(time.Second)
		target.Set(file(t, "10.0.1.0/24 6"))
		check(Progress{Known: true, Desired: 1, Unchanged: 1, Foreign: 1, Converged: time.Now(), Published: Changes{3, 1, 1}})
		cancel()
		<-done
	})
}
