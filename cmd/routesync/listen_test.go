package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"routesync/bridge/rabbit"
	"routesync/reconcile/watch"
	"routesync/reconcile/web"
)

// TestWatchLooks: what a watch shows of itself follows its file. There is no broker.
func TestWatchLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		group, ctx := errgroup.WithContext(ctx)
		k := &keeper{
			ctx: ctx, group: group, cfg: rabbit.Config{URLs: []string{"not a broker"}}, log: slog.New(slog.DiscardHandler),
			file: "routes.yaml", me: commander("watch"), speakers: map[string]*kept{}, faults: func(error) {}, vrps: newVRPKeeper(ctx, group, slog.New(slog.DiscardHandler)),
		}
		good := "version: 1\nowner: noc\nspeakers: [x, y]\nroutes: []\n"
		var since time.Time
		speaker := func(name string) web.Speaker { return web.Speaker{Name: name, Owner: "noc"} }
		for _, step := range []struct {
			data     string
			inForce  bool // it is another file than before
			held     []string
			speakers []string
		}{
			{data: "", held: []string{"faulty-file"}},
			{data: good, inForce: true, speakers: []string{"x", "y"}},
			{data: good, speakers: []string{"x", "y"}},
			{data: good + "oops: 1\n", held: []string{"faulty-file"}, speakers: []string{"x", "y"}},
			{data: "version: 1\nowner: noc\nspeakers: [y]\nroutes:\n- { prefix: 10.0.0.0/8, next-hop: self }\n", inForce: true, speakers: []string{"y"}},
		} {
			time.Sleep(time.Minute)
			k.take(watch.Content{Data: []byte(step.data)})
			synctest.Wait()
			if step.inForce {
				since = time.Now()
			}
			want := web.Watch{Version: version(), InForce: since, Held: step.held}
			for _, name := range step.speakers {
				want.Speakers = append(want.Speakers, speaker(name))
			}
			if diff := cmp.Diff(want, k.look()); diff != "" {
				t.Errorf("after %q -want +got:\n%s", step.data, diff)
			}
		}
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		if n := len(k.look().Speakers); n > 0 {
			t.Errorf("%d speakers are shown after the end", n)
		}
	})
}
