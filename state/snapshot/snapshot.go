// Package snapshot keeps what speakers confirm in a file, so that a plan can be made
// where no broker is: in CI, or on another day.
//
// Its invariants:
//
//   - Only a set that is known complete becomes a snapshot.
//   - Decoding is strict: what is not, but for white space, exactly as [Encode] writes
//     it is an error that says where, and on an error nothing is returned. So nothing
//     stands in a snapshot that is not read, and nothing twice.
//   - The number of routes and the digest of each set are in it, and must agree; and a
//     checksum of all of it, for a plan hangs on what else is known of a speaker, too.
//   - What was encoded decodes to the same, so that a plan against a snapshot is the
//     plan that was made against the speakers at that time.
//
// It is JSON that people can read: routes that are advertised alike stand together,
// one to a line, in order, so that two of them can be compared with diff.
package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"routesync/state"
)

// Version is the version of the format; another one is refused, never half read.
const Version = "1"

// Snapshot is what some speakers confirmed at a time.
type Snapshot struct {
	Taken    time.Time // in whole seconds
	Speakers []Speaker // each of them once
}

// Speaker is one exaBGP, and what its bridge says and confirms.
type Speaker struct {
	ExaBGP string // its release; "" if that is not known
	Boot   string // names one life of its process
	Lacks  []string
	// InForce says of each owner which file was accepted last.
	InForce []InForce
	// Overrides are what people lifted of the guards there.
	Overrides []Override
	// Advertised is complete. Of its peers, what they announce and what they got for
	// next-hop self is not kept.
	Advertised *state.Advertised
}

// InForce is the file of an owner that was accepted last.
type InForce struct {
	Owner    string         `json:"owner"`
	Revision state.Revision `json:"revision"`
	Host     string         `json:"host"`
	Epoch    int64          `json:"epoch,omitempty"` // of the lease under which it was; 0 if that is not known
}

// Override lifts rules for one plan of an owner.
type Override struct {
	Owner string `json:"owner"`
	Text  string `json:"text"` // as [state.ParseOverride] reads it
}

type snapshotJSON struct {
	Version  string    `json:"snapshot_version"`
	Taken    time.Time `json:"taken"`
	Speakers []Speaker `json:"speakers"`
	Checksum string    `json:"checksum"` // of all bytes, with nothing in its place
}

// checksumBehind is what stands behind the checksum, the last thing in the file.
const checksumBehind = "\"\n}\n"

// Is tells whether data is meant to be a snapshot, good or not, and no other file.
func Is(data []byte) bool {
	rest, object := bytes.CutPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
	return object && bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`"snapshot_version"`))
}

// Encode returns the text of a snapshot. A set that is not complete is
// [state.ErrIncomplete].
func Encode(s Snapshot) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(snapshotJSON{Version: Version, Taken: s.Taken.UTC().Truncate(time.Second), Speakers: s.Speakers}); err != nil {
		return nil, fmt.Errorf("encode snapshot: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	b.Truncate(b.Len() - len(checksumBehind))
	b.WriteString(hex.EncodeToString(sum[:]) + checksumBehind)
	return b.Bytes(), nil
}

// Decode reads what [Encode] wrote.
func Decode(data []byte) (Snapshot, error) {
	var version struct {
		Version string `json:"snapshot_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Snapshot{}, fmt.Errorf("decode snapshot: %w", err)
	}
	if version.Version != Version {
		return Snapshot{}, fmt.Errorf("decode snapshot: version %q, this routesync reads version %q", version.Version, Version)
	}
	var j snapshotJSON
	if err := strictly(data, &j); err != nil {
		return Snapshot{}, fmt.Errorf("decode snapshot: %w", err)
	}
	s := Snapshot{j.Taken, j.Speakers}
	for i := range s.Speakers {
		name := s.Speakers[i].Advertised.Speaker
		if slices.ContainsFunc(s.Speakers[:i], func(o Speaker) bool { return o.Advertised.Speaker == name }) {
			return Snapshot{}, fmt.Errorf("decode snapshot: speaker %s is there twice", name)
		}
	}
	again, err := Encode(s)
	switch {
	case err != nil:
	case !bytes.HasSuffix(again, []byte(`"`+j.Checksum+checksumBehind)):
		err = errors.New("it was edited after it was taken, or is damaged: its checksum is another")
	default:
		err = sameText(data, again)
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("decode snapshot: %w", err)
	}
	return s, nil
}

// strictly reads one value and nothing besides.
func strictly(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("something stands behind it")
	}
	return nil
}

// sameText compares JSON but for its white space.
func sameText(given, canonical []byte) error {
	var a, b bytes.Buffer
	if err := json.Compact(&a, given); err != nil {
		return err
	}
	if err := json.Compact(&b, canonical); err != nil {
		return err
	}
	if bytes.Equal(a.Bytes(), b.Bytes()) {
		return nil
	}
	got, want := a.Bytes(), b.Bytes()
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	return fmt.Errorf("it is not as routesync wrote it: %q stands where %q should", around(got, at), around(want, at))
}

// around is a piece of a text near a place.
func around(text []byte, at int) []byte {
	return text[max(0, min(at-20, len(text))):min(len(text), at+20)]
}
