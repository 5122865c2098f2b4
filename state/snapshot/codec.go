package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"routesync/state"
)

// The JSON forms. Everything is text, so that decoding goes through state's parsers.

type speakerJSON struct {
	Speaker  string         `json:"speaker"`
	ExaBGP   string         `json:"exabgp,omitempty"`
	Boot     string         `json:"boot"`
	Lacks    []string       `json:"lacks,omitempty"`
	InForce  []InForce      `json:"in_force,omitempty"`
	Lifted   []Override     `json:"overrides,omitempty"`
	Peers    []neighborJSON `json:"peers"`
	Refused  []refusalJSON  `json:"refused,omitempty"`
	Contests []contestJSON  `json:"contests,omitempty"`
	Routes   []groupJSON    `json:"routes"`
	Count    uint64         `json:"routes_at_peers"`
	Digest   string         `json:"digest"`
}

type attrsJSON map[state.Name][]string

type neighborJSON struct {
	Addr     netip.Addr `json:"address"`
	LocalAS  uint32     `json:"local_as"`
	PeerAS   uint32     `json:"peer_as"`
	Up       bool       `json:"up"`
	Since    int64      `json:"since_unix_ms,omitempty"`
	Families []string   `json:"families"`
	Tags     []string   `json:"tags,omitempty"`
	Lacks    []string   `json:"lacks,omitempty"`
}

type refusalJSON struct {
	Family string    `json:"family"`
	NLRI   string    `json:"nlri"`
	Owner  string    `json:"owner"`
	Attrs  attrsJSON `json:"attributes,omitempty"`
	Peers  string    `json:"peers,omitempty"`
	Reason string    `json:"reason"`
}

type contestJSON struct {
	Family string `json:"family"`
	NLRI   string `json:"nlri"`
	Owner  string `json:"owner"`
	Holder string `json:"holder"`
}

// groupJSON is routes of a family that are advertised alike.
type groupJSON struct {
	Family  string       `json:"family"`
	Adverts []advertJSON `json:"adverts"`
	NLRI    []string     `json:"nlri"`
}

type advertJSON struct {
	Owner string    `json:"owner,omitempty"`
	From  *fromJSON `json:"from,omitempty"`
	Attrs attrsJSON `json:"attributes"`
	At    []atJSON  `json:"at"`
}

type fromJSON struct {
	By      string `json:"by,omitempty"`
	At      int64  `json:"at_unix_ms,omitempty"`
	Expires int64  `json:"expires_unix_ms,omitempty"`
	Lease   int64  `json:"lease_ms,omitempty"`
}

type atJSON struct {
	Peer   netip.Addr `json:"peer"`
	Grade  string     `json:"grade"`
	Reason string     `json:"reason,omitempty"`
}

// MarshalJSON is the speaker as it stands in a snapshot.
func (s Speaker) MarshalJSON() ([]byte, error) {
	a := s.Advertised
	if a == nil || !a.Complete {
		return nil, state.ErrIncomplete
	}
	d := a.Digest()
	j := speakerJSON{
		Speaker: a.Speaker, ExaBGP: s.ExaBGP, Boot: s.Boot, Lacks: s.Lacks, InForce: s.InForce, Lifted: s.Overrides,
		Peers: []neighborJSON{}, Routes: group(&a.Routes), Count: d.Count, Digest: d.Sum(),
	}
	for _, n := range a.Peers {
		one := neighborJSON{Addr: n.Addr, LocalAS: n.LocalAS, PeerAS: n.PeerAS, Up: n.Up, Since: n.Since, Families: []string{}, Tags: n.Tags, Lacks: n.Lacks}
		for _, f := range n.Families {
			one.Families = append(one.Families, f.String())
		}
		j.Peers = append(j.Peers, one)
	}
	for _, r := range a.Refused {
		one := refusalJSON{Family: r.Key.Family.String(), NLRI: r.Key.String(), Owner: r.Owner, Peers: string(r.Peers), Reason: r.Reason}
		if r.Attrs != (state.Attrs{}) {
			one.Attrs = toAttrs(r.Attrs)
		}
		j.Refused = append(j.Refused, one)
	}
	for _, c := range a.Contests {
		j.Contests = append(j.Contests, contestJSON{c.Key.Family.String(), c.Key.String(), c.Owner, c.Holder})
	}
	if err := j.checkTexts(); err != nil {
		return nil, fmt.Errorf("speaker %s: %w", a.Speaker, err)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what [Speaker.MarshalJSON] wrote. That nothing else stands
// there is for who has the whole text to see, see [Decode].
func (s *Speaker) UnmarshalJSON(data []byte) error {
	var j speakerJSON
	if err := strictly(data, &j); err != nil {
		return err
	}
	one, err := j.speaker()
	if err != nil {
		return fmt.Errorf("speaker %q: %w", j.Speaker, err)
	}
	*s = one
	return nil
}

func (j *speakerJSON) speaker() (Speaker, error) {
	a := &state.Advertised{Speaker: j.Speaker, Complete: true}
	s := Speaker{ExaBGP: j.ExaBGP, Boot: j.Boot, Lacks: j.Lacks, InForce: j.InForce, Overrides: j.Lifted, Advertised: a}
	if err := errors.Join(state.CheckName(j.Speaker), j.checkTexts()); err != nil {
		return s, err
	}
	for _, o := range j.Lifted {
		if _, err := state.ParseOverride(o.Text); err != nil {
			return s, err
		}
	}
	for _, n := range j.Peers {
		one := state.Neighbor{Addr: n.Addr, LocalAS: n.LocalAS, PeerAS: n.PeerAS, Up: n.Up, Since: n.Since, Tags: n.Tags, Lacks: n.Lacks}
		for _, text := range n.Families {
			f, err := state.ParseFamily(text)
			if err != nil {
				return s, err
			}
			one.Families = append(one.Families, f)
		}
		a.Peers = append(a.Peers, one)
	}
	for _, r := range j.Refused {
		k, err := parseKey(r.Family, r.NLRI)
		if err != nil {
			return s, err
		}
		attrs, err := state.NewAttrs(r.Attrs)
		if err != nil {
			return s, err
		}
		a.Refused = append(a.Refused, state.Refusal{Key: k, Owner: r.Owner, Attrs: attrs, Peers: state.Peers(r.Peers), Reason: r.Reason})
	}
	for _, c := range j.Contests {
		k, err := parseKey(c.Family, c.NLRI)
		if err != nil {
			return s, err
		}
		a.Contests = append(a.Contests, state.Contest{Key: k, Owner: c.Owner, Holder: c.Holder})
	}
	for _, g := range j.Routes {
		if err := g.into(&a.Routes); err != nil {
			return s, err
		}
	}
	if d := a.Digest(); d.Count != j.Count || d.Sum() != j.Digest {
		return s, fmt.Errorf("it has %d routes at peers of digest %s, and says %d of %s", d.Count, d.Sum(), j.Count, j.Digest)
	}
	return s, nil
}

// checkTexts is the rule for what another machine wrote and a terminal shows.
func (j *speakerJSON) checkTexts() error {
	texts := append([]string{j.ExaBGP, j.Boot}, j.Lacks...)
	for _, f := range j.InForce {
		texts = append(texts, f.Owner, f.Host, f.Revision.Digest)
	}
	for _, o := range j.Lifted {
		texts = append(texts, o.Owner, o.Text)
	}
	for _, n := range j.Peers {
		texts = append(append(texts, n.Lacks...), n.Tags...)
	}
	for _, r := range j.Refused {
		texts = append(texts, r.Owner, r.Peers, r.Reason)
	}
	for _, c := range j.Contests {
		texts = append(texts, c.Owner, c.Holder)
	}
	for _, g := range j.Routes {
		for _, a := range g.Adverts {
			texts = append(texts, a.Owner)
			if a.From != nil {
				texts = append(texts, a.From.By)
			}
			for _, at := range a.At {
				texts = append(texts, at.Reason)
			}
		}
	}
	for _, text := range texts {
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("text %q is not printable", text)
		}
	}
	return nil
}

func parseKey(family, nlri string) (state.Key, error) {
	f, err := state.ParseFamily(family)
	if err != nil {
		return state.Key{}, err
	}
	return state.ParseKey(f, nlri)
}

func toAttrs(a state.Attrs) attrsJSON {
	m := attrsJSON{}
	for name, values := range a.All() {
		m[name] = append([]string{}, values...)
	}
	return m
}
