package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// quarantined are n records in the order of their keys.
func quarantined(n int) []Quarantined {
	all := make([]Quarantined, n)
	for i := range all {
		all[i] = Quarantined{
			Peer: netip.MustParseAddr("127.0.0.2"), Key: key(fmt.Sprintf("10.%d.%d.0/24", i>>8, i&255)),
			Owner: "edge", Value: "next-hop 192.0.2.1", Reason: "the session fell", At: int64(i),
		}
	}
	return all
}

// quarantineIn puts a record into the quarantine.
func quarantineIn(key, value string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketQuarantine)).Bucket([]byte(bucketRoutes)).Put([]byte(key), []byte(value))
	}
}

// What is in quarantine outlives the life of exaBGP in which it was found, and
// leaves when that is said.
func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir)
	all := quarantined(3)
	free := all[1]
	free.Reason = ""
	err := errors.Join(j.Begin("a"), j.Quarantine(all), j.Quarantine([]Quarantined{free}), j.Begin("b"), j.Replayed(), j.Close())
	if err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir)
	defer j.Close()
	if d := gocmp.Diff([]Quarantined{all[0], all[2]}, mustLoad(t, j).Quarantined, compareAddrs()); d != "" {
		t.Error(d)
	}
	bad := all[1]
	bad.Peer = netip.Addr{}
	if err := j.Quarantine([]Quarantined{all[1], bad}); err == nil {
		t.Error("an address that is none was taken")
	}
	if m := mustLoad(t, j); len(m.Quarantined) != 2 {
		t.Errorf("half of it stayed: %v", m.Quarantined)
	}
}

// TestQuarantineVersion holds the record to its bytes.
func TestQuarantineVersion(t *testing.T) {
	t.Parallel()
	q := Quarantined{Peer: netip.MustParseAddr("127.0.0.2"), Key: key("10.0.0.0/8"), Owner: "team", Value: "med 1", Reason: "why", At: 3}
	k, value, err := encodeQuarantined(q)
	if err != nil {
		t.Fatal(err)
	}
	if want := "\x04\x7f\x00\x00\x02\x04team" + string(encodeKey(q.Key)); string(k) != want {
		t.Errorf("key %q, want %q", k, want)
	}
	if want := "\x01\x05med 1\x03why\x06"; string(value[:len(value)-4]) != want {
		t.Errorf("value %q, want %q", value, want)
	}
}

func FuzzQuarantined(f *testing.F) {
	for _, q := range append(quarantined(1), Quarantined{Peer: netip.MustParseAddr("2001:db8::1"), Key: key("::/0"), Reason: "x", At: -1 << 60}) {
		k, value, err := encodeQuarantined(q)
		if err != nil {
			f.Fatal(err)
		}
		if got, err := decodeQuarantined(k, value); err != nil || !gocmp.Equal(got, q, compareAddrs()) {
			f.Fatalf("%v became %v, %v", q, got, err)
		}
		f.Add(k, value[:len(value)-4])
	}
	f.Fuzz(func(t *testing.T, k, body []byte) {
		value := binary.BigEndian.AppendUint32(slices.Clone(body), checksum(k, body))
		q, err := decodeQuarantined(k, value)
		if err != nil {
			return
		}
		key, again, err := encodeQuarantined(q)
		if err != nil || !slices.Equal(again, value) || !slices.Equal(key, k) {
			t.Fatalf("%x, %x became %x, %x, %v", k, value, key, again, err)
		}
	})
}
