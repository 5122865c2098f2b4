package journal

import (
	"encoding/binary"
	"errors"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"routesync/state"
)

func someOwners() []Owner {
	return []Owner{
		{Name: "edge-team", Revision: state.Revision{Digest: "00ff", Changed: 1_790_000_000_000}, Host: "noc1", Heard: 1_790_000_000_001},
		{Name: "other", Heard: -1},
		{
			Name: "paused", Orders: Orders{Epoch: 7, Commander: "c",
				Pause:     &Pause{By: Process{ID: "p", Host: "noc1", PID: 3, Verb: "pause", User: "al"}, At: 5, Reason: "a window <&>"},
				Overrides: []Override{{By: Process{ID: "q"}, At: 6, Text: "withdraw@9b1d2c3f4a5b"}},
				Trial:     &Trial{By: Process{ID: "c", Verb: "apply"}, Revision: state.Revision{Digest: "aa", Changed: 3}, Began: 4, Deadline: 9, Before: state.Revision{Digest: "bb"}, Host: "noc2"},
				Ended:     &Ended{Digest: "cc", Of: "d", At: 2, Reverted: true}},
		},
	}
}

// TestOwnersOutliveLives: what is known of owners is of no life of exaBGP.
func TestOwnersOutliveLives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir)
	owners := someOwners()
	older := owners[0]
	older.Revision.Digest, older.Heard = "other", 0
	err := errors.Join(j.Begin("a"), j.PutOwners([]Owner{older, owners[1], owners[2]}), j.PutOwners(owners[:1]), j.PutOwners(owners), j.Put(many(3)), j.Begin("b"), j.Replayed(), j.Sync(), j.Close())
	if err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir)
	defer j.Close()
	if d := gocmp.Diff(Memory{Boot: "b", Owners: owners}, mustLoad(t, j)); d != "" {
		t.Error(d)
	}
}

// TestOwnerBytes holds the record of an owner to its bytes.
func TestOwnerBytes(t *testing.T) {
	t.Parallel()
	body := "\x01\x02ab\x06\x04noc1\x08"
	want := binary.BigEndian.AppendUint32([]byte(body), checksum([]byte("team"), []byte(body)))
	o := Owner{Name: "team", Revision: state.Revision{Digest: "ab", Changed: 3}, Host: "noc1", Heard: 4}
	if got, err := encodeOwner(o); err != nil || string(got) != string(want) {
		t.Errorf("encoded %q, %v, want %q", got, err, want)
	}
	if got, err := decodeOwner([]byte("team"), want); err != nil || !gocmp.Equal(got, o) {
		t.Errorf("decoded %v, %v", got, err)
	}
	more := `{"epoch":1,"pause":{"by":{"id":"i","host":"h","pid":2,"verb":"pause"},"at_unix_ms":3,"reason":"r"}}`
	body = "\x02\x02ab\x06\x04noc1\x08" + string(rune(len(more))) + more
	want = binary.BigEndian.AppendUint32([]byte(body), checksum([]byte("team"), []byte(body)))
	o.Epoch, o.Pause = 1, &Pause{By: Process{ID: "i", Host: "h", PID: 2, Verb: "pause"}, At: 3, Reason: "r"}
	if got, err := encodeOwner(o); err != nil || string(got) != string(want) {
		t.Errorf("encoded %q, %v, want %q", got, err, want)
	}
	if got, err := decodeOwner([]byte("team"), want); err != nil || !gocmp.Equal(got, o) {
		t.Errorf("decoded %v, %v", got, err)
	}
}

// FuzzOwner: what decodes is what was encoded, byte by byte.
func FuzzOwner(f *testing.F) {
	for _, o := range someOwners() {
		value, err := encodeOwner(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(o.Name), value[:len(value)-4])
	}
	f.Add([]byte("x"), []byte{ownerVersion, 0x80, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, key, body []byte) {
		value := binary.BigEndian.AppendUint32(body[:len(body):len(body)], checksum(key, body))
		o, err := decodeOwner(key, value)
		if err != nil {
			return
		}
		if again, err := encodeOwner(o); err != nil || string(again) != string(value) {
			t.Errorf("%q decodes to %+v, which encodes to %q, %v", value, o, again, err)
		}
	})
}
