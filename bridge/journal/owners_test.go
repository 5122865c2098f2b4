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
	err := errors.Join(j.Begin("a"), j.PutOwners([]Owner{older, owners[1]}), j.PutOwners(owners[:1]), j.PutOwners(owners), j.Put(many(3)), j.Begin("b"), j.Replayed(), j.Sync(), j.Close())
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
	if got := encodeOwner(o); string(got) != string(want) {
		t.Errorf("encoded %q, want %q", got, want)
	}
	if got, err := decodeOwner([]byte("team"), want); err != nil || got != o {
		t.Errorf("decoded %v, %v", got, err)
	}
}

// FuzzOwner: what decodes is what was encoded, byte by byte.
func FuzzOwner(f *testing.F) {
	for _, o := range someOwners() {
		f.Add([]byte(o.Name), encodeOwner(o)[:len(encodeOwner(o))-4])
	}
	f.Add([]byte("x"), []byte{ownerVersion, 0x80, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, key, body []byte) {
		value := binary.BigEndian.AppendUint32(body[:len(body):len(body)], checksum(key, body))
		o, err := decodeOwner(key, value)
		if err != nil {
			return
		}
		if again := encodeOwner(o); string(again) != string(value) {
			t.Errorf("%q decodes to %+v, which encodes to %q", value, o, again)
		}
	})
}
