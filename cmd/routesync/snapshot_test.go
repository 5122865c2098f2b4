package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/state/snapshot"
)

// A plan against a snapshot is, to the byte, the plan that was made against the
// speaker, also in what it warns of.
func TestPlanAgainstSnapshotIsThePlan(t *testing.T) {
	t.Parallel()
	data, err := takeSnapshot(time.Unix(1790000000, 0), []observation{seen(t), silent()})
	if err != nil {
		t.Fatal(err)
	}
	back, err := snapshot.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{plannedFile, timedFile, overlapFile, olderFile} {
		var want, got bytes.Buffer
		for to, o := range map[*bytes.Buffer]observation{&want: seen(t), &got: restored(back.Speakers[0])} {
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
	}
	again, err := takeSnapshot(time.Unix(1790000000, 0), []observation{restored(back.Speakers[0]), restored(back.Speakers[1])})
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("a snapshot of what was restored is another one: %v\n%s", err, cmp.Diff(string(data), string(again)))
	}
}
