package journal

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// whole writes a journal with entries in it and returns its bytes.
func whole(t testing.TB, speaker string, n int) []byte {
	t.Helper()
	dir := t.TempDir()
	j, err := Open(t.Context(), dir, speaker, now())
	if err != nil {
		t.Fatal(err)
	}
	entries := many(n)
	err = errors.Join(j.Begin("a"), j.Put(entries[n/4:]), j.Begin("b"), j.Put(entries), j.Put(entries[:n/2]), j.Put(many(n/3)),
		j.Quarantine(quarantined(n/10+1)), j.PutOwners(someOwners()), j.Try("paused", entries[:n/8]), j.Close())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, speaker+".db"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// edited is a journal that f changed behind the package's back.
func edited(t testing.TB, f func(tx *bbolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "edge1.db")
	if err := os.WriteFile(path, whole(t, "edge1", 50), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// misplaced is a journal in which the key that leads to a page is not the least of it
// any more: what is looked for behind it is not found.
func misplaced(t testing.TB) []byte {
	t.Helper()
	data := whole(t, "edge1", 400)
	native := binary.NativeEndian
	for at := 0; at < len(data); at += 4096 {
		if id, flags := native.Uint64(data[at:]), native.Uint16(data[at+8:]); id != uint64(at/4096) || flags != flagBranch || native.Uint16(data[at+10:]) < 2 {
			continue
		}
		second := at + pageHeader + element
		end := second + int(native.Uint32(data[second:])) + int(native.Uint32(data[second+4:]))
		data[end-1]++
	}
	return data
}

func putIn(bucket, key, value string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), []byte(value)) }
}

// ownerWith is a record of an owner with such orders.
func ownerWith(orders string) string {
	b := appendText([]byte("\x02\x00\x00\x00\x00"), orders)
	return string(binary.BigEndian.AppendUint32(b, checksum([]byte("other"), b)))
}

func inTrial(f func(claims *bbolt.Bucket) error) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		return f(tx.Bucket([]byte(bucketTried)).Bucket([]byte("paused")).Bucket([]byte(bucketClaims)))
	}
}

func TestSetsAside(t *testing.T) {
	noise := make([]byte, 1<<16)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	good := whole(t, "edge1", 2000)
	cases := []struct {
		name   string
		data   []byte
		reason string
	}{
		{"empty", nil, "empty"},
		{"text", []byte("routes: []\n"), "no bbolt file"},
		{"noise", noise, "no bbolt file"},
		{"zeros", make([]byte, 1<<15), "no bbolt file"},
		{"cut in the first page", good[:100], "only 100 bytes"},
		{"cut after the root pages", good[:8192], "cut short"},
		{"cut in the second page", good[:4150], "only 4150 bytes"},
		{"cut by half", good[:len(good)/2&^4095], ""},
		{"other speaker", whole(t, "edge2", 10), `speaker "edge2"`},
		{"future format", edited(t, putIn(bucketMeta, keyFormat, "\x00\x00\x00\x03")), "format 00000003"},
		{"no format", edited(t, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete([]byte(keyFormat)) }), "format"},
		{"bad epoch", edited(t, putIn(bucketMeta, keyEpoch, "xx")), "epoch"},
		{"negative epoch", edited(t, putIn(bucketMeta, keyEpoch, "\xff\xff\xff\xff\xff\xff\xff\xff")), "epoch"},
		{"bad seal", edited(t, putIn(bucketMeta, keySeal, "xx")), "seal"},
		{"no boot", edited(t, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete([]byte(keyBoot)) }), "boot"},
		{"garbage value", edited(t, putIn(bucketClaims, "\x00\x00\x01\x01\x0a", "garbage")), "version 1"},
		{"bad checksum", edited(t, putIn(bucketClaims, "\x00\x00\x01\x01\x0a", "\x01garbage")), "checksum"},
		{"short key", edited(t, putIn(bucketClaims, "abc", "x")), "shorter than a family"},
		{"lost record", edited(t, func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte(bucketClaims)).Cursor().First()
			return tx.Bucket([]byte(bucketClaims)).Delete(k)
		}), "seal"},
		{"lost record of the life before", edited(t, func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte(bucketBefore)).Bucket([]byte(bucketClaims)).Cursor().First()
			return tx.Bucket([]byte(bucketBefore)).Bucket([]byte(bucketClaims)).Delete(k)
		}), "seal"},
		{"no records of the life before", edited(t, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketBefore)).DeleteBucket([]byte(bucketClaims))
		}), "the life before has no claims"},
		{"no seal of the life before", edited(t, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketBefore)).Delete([]byte(keySeal))
		}), "seal"},
		{"lost record of an owner", edited(t, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketOwners)).Delete([]byte("other")) }), "owners"},
		{"no owners", edited(t, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketOwners)) }), "owners are missing"},
		{"no seal of the owners", edited(t, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete([]byte(keyOwners)) }), "seal"},
		{"bad record of an owner", edited(t, putIn(bucketOwners, "other", "\x01garbage")), "checksum"},
		{"future record of an owner", edited(t, putIn(bucketOwners, "other", "\x03garbage")), "version 1"},
		{"no orders of an owner", edited(t, putIn(bucketOwners, "other", ownerWith("{}"))), "not as they are written"},
		{"future orders of an owner", edited(t, putIn(bucketOwners, "other", ownerWith(`{"epoch":1,"more":1}`))), "unknown field"},
		{"lost route of a trial", edited(t, inTrial(func(claims *bbolt.Bucket) error { return claims.Delete(encodeKey(many(1)[0].Key)) })), "the trial of owner"},
		{"bad route of a trial", edited(t, inTrial(func(claims *bbolt.Bucket) error { return claims.Put([]byte("12345"), []byte("x")) })), "the trial of owner"},
		{"trial of nobody", edited(t, func(tx *bbolt.Tx) error {
			_, err := tx.Bucket([]byte(bucketTried)).CreateBucket([]byte("edge-team"))
			return err
		}), "no trial"},
		{"garbage in quarantine", edited(t, quarantineIn("\x04\x7f\x00\x00\x02\x00\x00\x01\x01\x0a", "garbage")), "version 1"},
		{"bad checksum in quarantine", edited(t, quarantineIn("\x04\x7f\x00\x00\x02\x00\x00\x01\x01\x0a", "\x01garbage")), "checksum"},
		{"lost from quarantine", edited(t, func(tx *bbolt.Tx) error {
			routes := tx.Bucket([]byte(bucketQuarantine)).Bucket([]byte(bucketRoutes))
			k, _ := routes.Cursor().First()
			return routes.Delete(k)
		}), "quarantine's seal"},
		{"quarantine without a seal", edited(t, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketQuarantine)).Delete([]byte(keySeal))
		}), "the quarantine: corrupt: seal"},
		{"quarantine without routes", edited(t, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketQuarantine)).DeleteBucket([]byte(bucketRoutes))
		}), "no routes"},
		{"nested bucket", edited(t, func(tx *bbolt.Tx) error {
			_, err := tx.Bucket([]byte(bucketClaims)).CreateBucket([]byte("\x00\x00\x01\x01"))
			return err
		}), "version 1"},
		{"bucket of another name", edited(t, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("quaranting")); return err }), "is no bucket of a journal"},
		{"key of another name", edited(t, putIn(bucketMeta, "prooF", "x")), "its root has"},
		{"page that is not below its key", misplaced(t), "keys are out of order"},
		{"another's bbolt file", edited(t, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketClaims)) }), "buckets are missing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "edge1.db")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			j := mustOpen(t, dir)
			defer j.Close()
			aside, reason := j.SetAside()
			if aside != path+".set-aside-1790000000" || !strings.Contains(reason, c.reason) || reason == "" {
				t.Errorf("set aside %q because %q, want %q", aside, reason, c.reason)
			}
			if kept, err := os.ReadFile(aside); err != nil || string(kept) != string(c.data) {
				t.Errorf("what was put aside is not what was there: %v", err)
			}
			if m := mustLoad(t, j); len(m.Entries) > 0 || len(m.Owners) > 0 || len(m.Tried) > 0 || m.Boot != "" || m.Epoch != 0 {
				t.Errorf("the new one is not empty: %v", m)
			}
			if err := j.Put(many(10)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSetsAsideTwice(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		if err := os.WriteFile(filepath.Join(dir, "edge1.db"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, dir).Close()
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.set-aside-*")); err != nil || len(files) != 3 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "edge1.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if j, err := Open(t.Context(), dir, "edge1", now()); err == nil {
		j.Close()
		t.Error("a directory was taken for a journal")
	}
}

// Whatever is done to the bytes, the journal either opens with all that was
// in it, or is put aside; and it can be written afterwards.
func TestDamage(t *testing.T) {
	good := whole(t, "edge1", 400)
	used := len(good)
	for used > 0 && good[used-1] == 0 {
		used--
	}
	opened, set := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		data := append([]byte(nil), good...)
		at := rapid.IntRange(0, used-1).Draw(r, "at")
		switch rapid.SampledFrom([]string{"flip", "small", "tear", "zero", "cut", "swap"}).Draw(r, "how") {
		case "flip":
			data[at] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
		case "small":
			data[at] = rapid.Byte().Draw(r, "byte")
			data[at&^4095+rapid.IntRange(0, 64).Draw(r, "header")] = rapid.Byte().Draw(r, "byte")
		case "tear": // the rest of a page is of another
			other := rapid.IntRange(0, used/4096-1).Draw(r, "other") * 4096
			copy(data[at:min(len(data), at|4095+1)], data[other+at&4095:other+4096])
		case "zero":
			clear(data[at&^511 : at&^511+512])
		case "cut":
			data = data[:at]
		case "swap":
			other := rapid.IntRange(0, used/4096-1).Draw(r, "other") * 4096
			copy(data[at&^4095:][:4096], good[other:])
		}
		dir, err := os.MkdirTemp("", "journal")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.WriteFile(filepath.Join(dir, "edge1.db"), data, 0o600); err != nil {
			r.Fatal(err)
		}
		j := mustOpen(t, dir)
		defer j.Close()
		m := mustLoad(t, j)
		if _, reason := j.SetAside(); reason != "" {
			set++
			if len(m.Entries) > 0 || len(m.Quarantined) > 0 || len(m.Owners) > 0 || len(m.Tried) > 0 {
				r.Fatalf("half believed: %d entries and %d owners, although %s", len(m.Entries), len(m.Owners), reason)
			}
		} else {
			opened++
			if len(m.Entries) != 400 || len(m.Quarantined) != 41 || len(m.Owners) != 3 || len(m.Tried) != 1 || len(m.Tried[0].Entries) != 50 || m.Boot != "b" {
				r.Fatalf("believed %d entries and %d owners of boot %q", len(m.Entries), len(m.Owners), m.Boot)
			}
		}
		if err := errors.Join(j.Put(many(500)), j.Begin("c"), j.Put(many(3))); err != nil {
			r.Fatal(err)
		}
		if m := mustLoad(t, j); len(m.Entries) != 3 {
			r.Fatalf("%d entries", len(m.Entries))
		}
	})
	t.Logf("%d opened, %d put aside", opened, set)
}
