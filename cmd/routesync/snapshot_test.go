package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/wire"
	"routesync/state/snapshot"
)

// A plan against a snapshot is, to the byte, the plan that was made against the
// speaker, also in what it warns of.
func TestPlanAgainstSnapshotIsThePlan(t *testing.T) {
	t.Parallel()
	live := seen(t)
	// What people lifted of the guards shows in a plan.
	d := desired(t, olderFile)
	d.Revision.Digest = d.Digest()
	p, err := planAll("routes.yaml", d, 1790000000000, []observation{live})
	if err != nil || len(p.speakers[0].guards.Refusals) == 0 {
		t.Fatalf("no guard refuses to withdraw everything: %v", err)
	}
	live.about.Overrides = []wire.Override{{Owner: "edge-team", Text: p.speakers[0].override(p).String(), By: wire.Commander{User: "ana"}, Until: 1}}
	data, err := takeSnapshot(time.Unix(1790000000, 0), []observation{live, silent()})
	if err != nil {
		t.Fatal(err)
	}
	back, err := snapshot.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{plannedFile, timedFile, overlapFile, olderFile, coveredFile} {
		var want, got bytes.Buffer
		for to, o := range map[*bytes.Buffer]observation{&want: live, &got: restored(back.Speakers[0])} {
			d := desired(t, file)
			d.Revision.Digest, d.Revision.Changed = d.Digest(), 1789990000000
			p, err := planAll("routes.yaml", d, 1790000000000, []observation{o})
			if err != nil {
				t.Fatal(err)
			}
			for _, output := range []string{outputText, outputJSON, outputMarkdown, outputHTML} {
				if err := p.write(to, output, plain); err != nil {
					t.Fatal(err)
				}
			}
			err = errors.Join(warnLacks(to, []observation{o}), p.warnOlder(to, "b"))
			if err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("-live +snapshot:\n%s", diff)
		}
		if lifted := strings.Contains(want.String(), "Overridden: guard"); lifted != (file == olderFile) {
			t.Errorf("something is overridden: %v, in the plan of\n%s", lifted, file)
		}
	}
	again, err := takeSnapshot(time.Unix(1790000000, 0), []observation{restored(back.Speakers[0]), restored(back.Speakers[1])})
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("a snapshot of what was restored is another one: %v\n%s", err, cmp.Diff(string(data), string(again)))
	}
}
