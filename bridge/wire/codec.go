package wire

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"routesync/state"
)

// The JSON forms. They differ from the exported types in that everything is
// text, so that decoding goes through state's parsers and nothing that is not
// canonical comes in.

type attrsJSON map[state.Name][]string

type groupJSON struct {
	Family string       `json:"family"`
	Attrs  attrsJSON    `json:"attributes,omitempty"`
	Peers  []netip.Addr `json:"peers"`
	keysJSON
	termJSON
}

type termJSON struct {
	Expires int64 `json:"expires_unix_ms,omitempty"`
	Lease   int64 `json:"lease_ms,omitempty"`
}

type batchJSON struct {
	Speaker  string         `json:"speaker"`
	Boot     string         `json:"boot"`
	Owner    string         `json:"owner"`
	Epoch    int64          `json:"epoch"`
	Seq      int64          `json:"seq"`
	Revision state.Revision `json:"revision,omitzero"`
	Announce []groupJSON    `json:"announce,omitempty"`
	Withdraw []groupJSON    `json:"withdraw,omitempty"`
	Adopt    []adoptJSON    `json:"adopt,omitempty"`
}

type adoptJSON struct {
	Family string       `json:"family"`
	From   string       `json:"from"`
	Peers  []netip.Addr `json:"peers"`
	keysJSON
}

type atJSON struct {
	Peer   netip.Addr `json:"peer"`
	Grade  string     `json:"grade"`
	Reason string     `json:"reason,omitempty"`
}

type advertJSON struct {
	Owner string    `json:"owner,omitempty"`
	From  *fromJSON `json:"from,omitempty"`
	Attrs attrsJSON `json:"attributes"`
	At    []atJSON  `json:"at"`
}

type fromJSON struct {
	By      string `json:"by"`
	At      int64  `json:"at_unix_ms"`
	Expires int64  `json:"expires_unix_ms,omitempty"`
	Lease   int64  `json:"lease_ms,omitempty"`
}

type entryJSON struct {
	Family string `json:"family"`
	keysJSON
	Adverts []advertJSON `json:"adverts,omitempty"`
}

type refusalJSON struct {
	Family string    `json:"family"`
	NLRI   string    `json:"nlri"`
	Owner  string    `json:"owner"`
	Attrs  attrsJSON `json:"attributes,omitempty"`
	Peers  string    `json:"peers,omitempty"`
	Reason string    `json:"reason"`
}

type clearedJSON struct {
	Family string `json:"family"`
	NLRI   string `json:"nlri"`
	Owner  string `json:"owner"`
}

type neighborJSON struct {
	Addr     netip.Addr `json:"address"`
	LocalAS  uint32     `json:"local_as"`
	PeerAS   uint32     `json:"peer_as"`
	Up       bool       `json:"up"`
	Since    int64      `json:"since_unix_ms,omitempty"`
	Families []string   `json:"families"`
	Lacks    []string   `json:"lacks,omitempty"`
	Received *int       `json:"received,omitempty"`
	Tags     []string   `json:"tags,omitempty"`
	// Self is what next-hop self was sent as.
	Self []netip.Addr `json:"next_hop_self,omitempty"`
}

type contestJSON struct {
	Family string `json:"family"`
	NLRI   string `json:"nlri"`
	Owner  string `json:"owner"`
	Holder string `json:"holder"`
}

type requestJSON struct {
	Kind     string         `json:"kind"`
	Owner    string         `json:"owner,omitempty"`
	From     Commander      `json:"from"`
	Contests []contestJSON  `json:"contests,omitempty"`
	Revision state.Revision `json:"revision,omitzero"`
	Over     string         `json:"over,omitempty"`
	Base     *int64         `json:"base,omitempty"`
	Pausable bool           `json:"pausable,omitempty"`

	ConfirmWithin int64       `json:"confirm_within_ms,omitempty"`
	Overridden    []string    `json:"overridden,omitempty"`
	Reached       bool        `json:"reached,omitempty"`
	Conditions    []Condition `json:"conditions,omitempty"`
}

type aboutJSON struct {
	Version string         `json:"version"`
	ExaBGP  string         `json:"exabgp"`
	Host    string         `json:"host"`
	PID     int            `json:"pid"`
	Ready   bool           `json:"ready"`
	Lacks   []string       `json:"lacks,omitempty"`
	Peers   []neighborJSON `json:"peers"`
	Leases  []Lease        `json:"leases,omitempty"`

	Standbys []Standby `json:"standbys,omitempty"`
	InForce  []InForce `json:"in_force,omitempty"`

	Pauses    []Pause    `json:"pauses,omitempty"`
	Overrides []Override `json:"overrides,omitempty"`
	Trials    []Trial    `json:"trials,omitempty"`

	Contests    []contestJSON `json:"contests,omitempty"`
	Conditions  []Condition   `json:"conditions,omitempty"`
	Lines       []RefusedLine `json:"refused_lines,omitempty"`
	Silent      int64         `json:"silent_since_unix_ms,omitempty"`
	Converged   int64         `json:"converged_unix_ms,omitempty"`
	LastError   string        `json:"last_error,omitempty"`
	LastErrorAt int64         `json:"last_error_unix_ms,omitempty"`
}

type updateJSON struct {
	Speaker string        `json:"speaker"`
	Boot    string        `json:"boot"`
	Run     string        `json:"run"`
	N       int64         `json:"n"`
	Part    *Part         `json:"part,omitempty"`
	About   *aboutJSON    `json:"about,omitempty"`
	Entries []entryJSON   `json:"entries,omitempty"`
	Refused []refusalJSON `json:"refused,omitempty"`
	Cleared []clearedJSON `json:"cleared,omitempty"`
	Count   uint64        `json:"count"`
	Sum     string        `json:"sum"`
}

func toAttrs(a state.Attrs) attrsJSON {
	m := attrsJSON{}
	for n, v := range a.All() {
		if v == nil {
			v = []string{}
		}
		m[n] = v
	}
	return m
}

// fromAttrs also insists that the text was canonical already: what decodes
// must be what was encoded.
func fromAttrs(m attrsJSON) (state.Attrs, error) {
	a, err := state.NewAttrs(m)
	if err != nil {
		return a, err
	}
	n := 0
	for name, values := range a.All() {
		given := m[name]
		if len(given) != len(values) {
			return a, fmt.Errorf("%s is not canonical", name)
		}
		for i := range values {
			if values[i] != given[i] {
				return a, fmt.Errorf("%s %q is not canonical", name, given[i])
			}
		}
		n++
	}
	if n != len(m) {
		return a, fmt.Errorf("attributes with their default value are not canonical")
	}
	return a, nil
}

func toGroup(g Group) groupJSON {
	j := groupJSON{Family: g.Family.String(), Peers: g.Peers, keysJSON: toKeys(g.Keys), termJSON: termJSON{g.Expires, g.Lease}}
	if g.Attrs != (state.Attrs{}) {
		j.Attrs = toAttrs(g.Attrs)
	}
	return j
}

func toGroups(groups []Group) []groupJSON {
	var out []groupJSON
	for _, g := range groups {
		out = append(out, toGroup(g))
	}
	return out
}

func fromGroup(j groupJSON) (Group, error) {
	f, keys, err := fromKeys(j.Family, j.keysJSON)
	if err != nil {
		return Group{}, err
	}
	attrs, err := fromAttrs(j.Attrs)
	if err != nil {
		return Group{}, err
	}
	if j.Expires < 0 || j.Lease < 0 || j.Lease > maxLease {
		return Group{}, fmt.Errorf("expires %d and lease %d are not both times", j.Expires, j.Lease)
	}
	return Group{Family: f, Attrs: attrs, Peers: j.Peers, Keys: keys, Expires: j.Expires, Lease: j.Lease}, nil
}

// maxLease is the longest lease that a [time.Duration] can hold: a longer one
// would be over before it began.
const maxLease = math.MaxInt64 / int64(time.Millisecond)

func fromGroups(in []groupJSON) ([]Group, error) {
	var groups []Group
	for _, j := range in {
		g, err := fromGroup(j)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// EncodeBatch returns the body of a batch.
func EncodeBatch(b Batch) ([]byte, error) {
	j := batchJSON{b.Speaker, b.Boot, b.Owner, b.Epoch, b.Seq, b.Revision, toGroups(b.Announce), toGroups(b.Withdraw), nil}
	for _, a := range b.Adopt {
		j.Adopt = append(j.Adopt, adoptJSON{a.Family.String(), a.From, a.Peers, toKeys(a.Keys)})
	}
	return encode(j)
}

// DecodeBatch reads what [EncodeBatch] wrote.
func DecodeBatch(data []byte) (Batch, error) {
	j, err := decode[batchJSON]("batch", data)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{Speaker: j.Speaker, Boot: j.Boot, Owner: j.Owner, Epoch: j.Epoch, Seq: j.Seq, Revision: j.Revision}
	if err := checkRevision(b.Revision); err != nil {
		return Batch{}, fmt.Errorf("decode batch: %w", err)
	}
	if b.Announce, err = fromGroups(j.Announce); err != nil {
		return Batch{}, fmt.Errorf("decode batch: announce: %w", err)
	}
	if b.Withdraw, err = fromGroups(j.Withdraw); err != nil {
		return Batch{}, fmt.Errorf("decode batch: withdraw: %w", err)
	}
	for _, g := range b.Withdraw {
		if g.Attrs != (state.Attrs{}) || g.Expires != 0 || g.Lease != 0 {
			return Batch{}, errors.New("decode batch: withdraw: it has attributes, or ends")
		}
	}
	for _, aj := range j.Adopt {
		a := Adoption{From: aj.From, Peers: aj.Peers}
		if a.Family, a.Keys, err = fromKeys(aj.Family, aj.keysJSON); err != nil {
			return Batch{}, fmt.Errorf("decode batch: adopt: %w", err)
		}
		b.Adopt = append(b.Adopt, a)
	}
	return b, nil
}

// EncodeRequest returns the body of a request.
func EncodeRequest(r Request) ([]byte, error) {
	return encode(requestJSON{
		Kind: r.Kind, Owner: r.Owner, From: r.From, Contests: toContests(r.Contests), Revision: r.Revision, Over: r.Over,
		Base: r.Base, Pausable: r.Pausable, ConfirmWithin: r.ConfirmWithin, Overridden: r.Overridden, Reached: r.Reached, Conditions: r.Conditions,
	})
}

// DecodeRequest reads what [EncodeRequest] wrote.
func DecodeRequest(data []byte) (Request, error) {
	j, err := decode[requestJSON]("request", data)
	if err != nil {
		return Request{}, err
	}
	r := Request{
		Kind: j.Kind, Owner: j.Owner, From: j.From, Revision: j.Revision, Over: j.Over,
		Base: j.Base, Pausable: j.Pausable, ConfirmWithin: j.ConfirmWithin, Overridden: j.Overridden, Reached: j.Reached, Conditions: j.Conditions,
	}
	if r.ConfirmWithin < 0 || r.ConfirmWithin > MaxTrial.Milliseconds() {
		return Request{}, fmt.Errorf("decode request: a trial of %d ms is not one of at most %s", r.ConfirmWithin, MaxTrial)
	}
	if err := errors.Join(checkRevision(r.Revision), r.From.check(), checkConditions(r.Conditions)); err != nil {
		return Request{}, fmt.Errorf("decode request: %w", err)
	}
	if r.Contests, err = fromContests(j.Contests); err != nil {
		return Request{}, fmt.Errorf("decode request: %w", err)
	}
	return r, nil
}

func toContests(all []state.Contest) []contestJSON {
	var out []contestJSON
	for _, c := range all {
		out = append(out, contestJSON{c.Key.Family.String(), c.Key.String(), c.Owner, c.Holder})
	}
	return out
}

func fromContests(all []contestJSON) ([]state.Contest, error) {
	var out []state.Contest
	for _, j := range all {
		k, err := fromText(j.Family, j.NLRI)
		if err != nil {
			return nil, err
		}
		for _, owner := range []string{j.Owner, j.Holder} {
			if err := state.CheckName(owner); owner != "" && err != nil {
				return nil, fmt.Errorf("contest: owner %w", err)
			}
		}
		out = append(out, state.Contest{Key: k, Owner: j.Owner, Holder: j.Holder})
	}
	return out, nil
}

// EncodeGrant returns the body of a grant.
func EncodeGrant(g Grant) ([]byte, error) { return encode(g) }

// DecodeGrant reads what [EncodeGrant] wrote.
func DecodeGrant(data []byte) (Grant, error) {
	g, err := decode[Grant]("grant", data)
	if err != nil {
		return Grant{}, err
	}
	if err := errors.Join(g.Older.check(), g.Now.check()); err != nil {
		return Grant{}, fmt.Errorf("decode grant: %w", err)
	}
	return g, nil
}

// EncodeRejected returns the body of a rejection.
func EncodeRejected(r Rejected) ([]byte, error) { return encode(r) }

// DecodeRejected reads what [EncodeRejected] wrote.
func DecodeRejected(data []byte) (Rejected, error) { return decode[Rejected]("rejection", data) }
