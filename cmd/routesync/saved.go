package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"routesync/reconcile/watch"
	"routesync/state"
	"routesync/state/snapshot"
)

// A saved plan is what plan -o json prints, and what apply needs besides to carry out
// exactly that, or to say why it can't.

const (
	savedVersion = "1"
	// maxSaved bounds the file of a saved plan, in bytes: a larger one is something
	// else. A million routes take some hundred bytes each.
	maxSaved = 1 << 30
)

// savedJSON is what the document of a saved plan has besides.
type savedJSON struct {
	Version  string             `json:"version"`
	ID       string             `json:"id"`
	Made     time.Time          `json:"made"`
	File     string             `json:"file"`            // as it was given; "-" is stdin
	Guard    []string           `json:"guard,omitempty"` // by flag, as it was given
	Policy   string             `json:"policy"`          // digest of what the plan was judged by
	Base     []snapshot.Speaker `json:"base"`            // what it was made against
	Checksum string             `json:"checksum"`        // of all bytes, with nothing in its place
}

// savedPlan is a plan that was read from a file.
type savedPlan struct {
	path string
	savedJSON
	guards         *state.Policy // of Guard; nil for none
	owner, desired string        // desired is the digest of what the file asks for
	speakers       []savedSpeaker
}

// savedSpeaker is a saved plan for one speaker.
type savedSpeaker struct {
	name, digest string
	steps        []step // as the document shows them to people
	base         snapshot.Speaker
}

// step is a change as the document has it.
type step struct {
	Action string          `json:"action"`
	Family string          `json:"family"`
	NLRI   string          `json:"nlri"`
	Peers  []string        `json:"peers"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// save writes the plans to a file, for apply.
func (p plans) save(path, file string) error {
	doc := p.json()
	doc.Saved = &savedJSON{
		Version: savedVersion, ID: rand.Text(), Made: time.UnixMilli(p.now).UTC().Truncate(time.Second), File: file, Guard: p.given, Policy: p.policy(),
	}
	for _, s := range p.speakers {
		doc.Saved.Base = append(doc.Saved.Base, s.kept())
	}
	var open bytes.Buffer // its checksum is not in it yet
	err := writeJSON(&open, doc)
	var text []byte
	if err == nil {
		text, err = seal(open.Bytes())
	}
	if err != nil {
		return hinted(fmt.Errorf("write %s: %w", path, err))
	}
	return replaceFile(path, text)
}

// checksumBefore is what stands before the checksum, the last thing in the file.
var checksumBefore = []byte(`"checksum": "`)

// seal puts the checksum of a text in the place that it has for it.
func seal(text []byte) ([]byte, error) {
	at := bytes.LastIndex(text, checksumBefore)
	if at < 0 {
		return nil, errors.New("there is no place for a checksum")
	}
	at += len(checksumBefore)
	sum := sha256.Sum256(text)
	return slices.Concat(text[:at], []byte(hex.EncodeToString(sum[:])), text[at:]), nil
}

// sealed tells whether a text is as [seal] made it.
func sealed(text []byte) bool {
	at := bytes.LastIndex(text, checksumBefore)
	if at < 0 || len(text) < at+len(checksumBefore)+hex.EncodedLen(sha256.Size) {
		return false
	}
	at += len(checksumBefore)
	again, err := seal(slices.Concat(text[:at], text[at+hex.EncodedLen(sha256.Size):]))
	return err == nil && bytes.Equal(again, text)
}

// readSaved reads a saved plan.
func readSaved(path string) (*savedPlan, error) {
	text, err := readPlanFile(path)
	if err != nil {
		return nil, hinted(fmt.Errorf("read %s: %w", path, bare(err)), "a plan is saved with routesync plan --out FILE")
	}
	p, err := decodeSaved(text)
	switch {
	case errors.Is(err, errNoPlan): // to save one there would cost what it is
		return nil, hinted(fmt.Errorf("read %s: %w", path, err), "a plan is saved with routesync plan --out FILE; a file with routes is given with -f")
	case err != nil:
		return nil, hinted(fmt.Errorf("read %s: %w", path, err), "save it again: routesync plan --out "+shellWord(path))
	}
	p.path = path
	return p, nil
}

func readPlanFile(path string) ([]byte, error) {
	f, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	if err := watch.Whole(f); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSaved+1))
	if err == nil {
		err = unwritten(f, text)
	}
	if err == nil && len(text) > maxSaved {
		err = fmt.Errorf("it has more than %d bytes", maxSaved)
	}
	return text, err
}

// errNoPlan is of a file that is something else.
var errNoPlan = errors.New("it is no saved plan")

func decodeSaved(text []byte) (*savedPlan, error) {
	var doc struct {
		Owner   string `json:"owner"`
		Desired struct {
			Digest string `json:"digest"`
		} `json:"desired"`
		Speakers []struct {
			Speaker string `json:"speaker"`
			Digest  string `json:"digest"`
			Changes []step `json:"changes"`
		} `json:"speakers"`
		Saved *savedJSON `json:"saved"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoPlan, err)
	}
	switch {
	case doc.Saved == nil:
		return nil, fmt.Errorf(`%w: it has no "saved"`, errNoPlan)
	case doc.Saved.Version != savedVersion:
		return nil, fmt.Errorf("it is a saved plan of version %q, this routesync reads version %q", doc.Saved.Version, savedVersion)
	case !sealed(text):
		return nil, errors.New("it was edited after it was saved, or is damaged: its checksum is another")
	}
	p := &savedPlan{savedJSON: *doc.Saved, owner: doc.Owner, desired: doc.Desired.Digest}
	var err error
	if p.guards, err = readGuards(p.Guard); err != nil {
		return nil, fmt.Errorf("its guards are not such as this routesync reads: %w", err)
	}
	for _, s := range doc.Speakers {
		i := slices.IndexFunc(p.Base, func(b snapshot.Speaker) bool { return b.Advertised.Speaker == s.Speaker })
		if i < 0 {
			return nil, fmt.Errorf("it does not say what %s advertised", s.Speaker)
		}
		p.speakers = append(p.speakers, savedSpeaker{s.Speaker, s.Digest, s.Changes, p.Base[i]})
	}
	return p, nil
}

// key is a step as text, to compare it.
func (s step) key() (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

// steps are the changes of a plan as a document has them.
func (s speakerPlan) steps() ([]step, error) {
	changes := make([]changeJSON, len(s.Changes))
	for i, c := range s.Changes {
		changes[i] = s.changeJSON(c)
	}
	text, err := json.Marshal(changes)
	if err != nil {
		return nil, err
	}
	var all []step
	return all, json.Unmarshal(text, &all)
}

// stepsMoved are the steps of each list that the other has not.
func stepsMoved(saved, now []step) (gone, come []step, err error) {
	had, has := map[string]int{}, map[string]int{}
	for _, list := range []struct {
		steps []step
		count map[string]int
	}{{saved, had}, {now, has}} {
		for _, s := range list.steps {
			k, err := s.key()
			if err != nil {
				return nil, nil, err
			}
			list.count[k]++
		}
	}
	rest := func(steps []step, less map[string]int) (left []step) {
		for _, s := range steps {
			k, _ := s.key() // it could be made above
			if less[k]--; less[k] < 0 {
				left = append(left, s)
			}
		}
		return left
	}
	gone, come = rest(saved, has), rest(now, had)
	return gone, come, nil
}

// checkOut looks whether a plan can be saved.
func (f *planFlags) checkOut() error {
	if f.out == stdinName {
		return usage(errors.New("--out is a file, and not stdout"), "-o json prints the plan")
	}
	if f.out == "" {
		return nil
	}
	return spare(f.out, "plan", isPlan)
}

// isPlan tells whether a text begins as a plan in JSON does, saved or not.
func isPlan(head []byte) bool {
	rest, object := bytes.CutPrefix(head, []byte("{"))
	return object && bytes.HasPrefix(bytes.TrimLeft(rest, " \r\n"), []byte(`"format_version"`))
}

// keep saves the plans as the flags say, and says how they are carried out.
func (p plans) keep(note io.Writer, f *planFlags) error {
	for _, s := range p.speakers {
		if s.file != "" {
			return hinted(fmt.Errorf("a plan against %s can't be saved: it is not known what %s advertises", s.file, s.speaker),
				"save one against the speakers, or against what routesync snapshot wrote")
		}
	}
	if err := p.save(f.out, f.file); err != nil {
		return err
	}
	_, err := fmt.Fprintf(note, "Plan %s is saved to %s. Apply exactly this with: routesync apply %s\n", shortDigest(p.digest()), f.out, shellWord(f.out))
	return err
}
