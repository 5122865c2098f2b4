package main

import "routesync/state"

// The document of a plan: what plan -o json prints, and what Markdown and HTML show.
// Its schema is plan.schema.json.

type plansJSON struct {
	FormatVersion string            `json:"format_version"`
	File          string            `json:"file"`
	Owner         string            `json:"owner"`
	Desired       desiredJSON       `json:"desired"`
	Digest        string            `json:"digest"`     // of what the plan does, at all speakers
	Applyable     bool              `json:"applyable"`  // there is something to do, and apply would do it
	Unanswered    []string          `json:"unanswered"` // speakers of the file of which nothing is known
	Speakers      []speakerPlanJSON `json:"speakers"`
	Timed         []timedJSON       `json:"timed"` // what starts or expires by itself
	NotStarted    int               `json:"routes_not_started"`
	Expired       int               `json:"routes_expired"`
	Summary       summaryJSON       `json:"summary"`
	Saved         *savedJSON        `json:"saved,omitempty"` // for apply
}

// desiredJSON is what the file asks for.
type desiredJSON struct {
	Digest string     `json:"digest"` // of all that it asks for, at any time
	Routes int        `json:"routes"` // now
	Git    *gitCommit `json:"git"`    // null if there is none
}

type speakerPlanJSON struct {
	Speaker string        `json:"speaker"`
	Base    baseJSON      `json:"base"`
	Digest  string        `json:"digest"` // of what the plan does here
	Changes []changeJSON  `json:"changes"`
	Foreign []foreignJSON `json:"foreign"`
	Ghosts  []ghostJSON   `json:"ghosts"`
	Drift   []driftJSON   `json:"drift"` // null if that is not known
	Overlap []overlapJSON `json:"overlaps"`
	Contest []contestJSON `json:"contests"` // routes of the file that another asks for too
	Nowhere []caseJSON    `json:"nowhere"`  // for peers that the speaker has none of
	Held    []caseJSON    `json:"held"`
	Unsent  []caseJSON    `json:"unsent"`
	Lacks   []string      `json:"lacks"`
	Summary summaryJSON   `json:"summary"`
	Impact  impactJSON    `json:"impact"`
	Guards  guardsJSON    `json:"guards"`
	// Older is what is in force, if the file is older and would be refused.
	Older *inForceJSON `json:"older_than"`
}

// baseJSON is what a plan was made against.
type baseJSON struct {
	File     string     `json:"file,omitempty"` // that stands in for the speaker
	ExaBGP   string     `json:"exabgp"`
	Boot     string     `json:"boot"`
	Epoch    int64      `json:"epoch"`    // under which the owner's file was put in force; 0 if none was
	InForce  string     `json:"in_force"` // digest of what that file asks for; "" if none is
	Digest   string     `json:"digest"`
	Routes   uint64     `json:"routes_at_peers"`
	Complete bool       `json:"complete"`
	Peers    []peerJSON `json:"peers"`
}

type peerJSON struct {
	Address  string   `json:"address"`
	LocalAS  uint32   `json:"local_as"`
	PeerAS   uint32   `json:"peer_as"`
	Up       bool     `json:"up"`
	Since    string   `json:"since,omitempty"`
	Families []string `json:"families"`
	Tags     []string `json:"tags,omitempty"`
}

type changeJSON struct {
	Action   string         `json:"action"` // announce, change, withdraw
	Family   string         `json:"family"`
	NLRI     string         `json:"nlri"`
	Peers    []string       `json:"peers"`
	Before   map[string]any `json:"before"`
	After    map[string]any `json:"after"`
	Position *positionJSON  `json:"position"`
	Tags     []string       `json:"tags"`
	Comment  string         `json:"comment,omitempty"`
	Starts   string         `json:"starts,omitempty"`
	Expires  string         `json:"expires,omitempty"`
	Refused  string         `json:"refused,omitempty"` // why it was, before
	Left     *leftJSON      `json:"left,omitempty"`    // of a withdrawn prefix
	LastSet  *lastSetJSON   `json:"last_set,omitempty"`
}

// leftJSON is what is left for the addresses of a withdrawn prefix.
type leftJSON struct {
	Covered []coveredJSON `json:"covered"`
	Dark    []string      `json:"dark"` // peers at which nothing covers them
}

type coveredJSON struct {
	By    string   `json:"by"`
	Owner string   `json:"owner"` // whose that is; "": exaBGP itself
	Peers []string `json:"peers"`
}

// ghostJSON is a route that is advertised for the owner, and not asked for.
type ghostJSON struct {
	Family  string   `json:"family"`
	NLRI    string   `json:"nlri"`
	Peers   []string `json:"peers"`
	Leaving bool     `json:"leaving"` // exaBGP was told to withdraw it
}

// driftJSON is a route that is not as the file that is in force asks for.
type driftJSON struct {
	Kind   string   `json:"kind"` // missing, modified, ghost, or taken by somebody else
	Family string   `json:"family"`
	NLRI   string   `json:"nlri"`
	Peers  []string `json:"peers"`
}

type foreignJSON struct {
	Family   string         `json:"family"`
	NLRI     string         `json:"nlri"`
	Peers    []string       `json:"peers"`
	Owner    string         `json:"owner"` // "": exaBGP itself
	From     *fromJSON      `json:"from"`  // of a route by hand
	Attrs    map[string]any `json:"attributes"`
	WantedAt *positionJSON  `json:"wanted_at"` // the file asks for it too
}

// overlapJSON is two routes of the file for one peer.
type overlapJSON struct {
	Family string        `json:"family"`
	NLRI   string        `json:"nlri"`
	Peers  []string      `json:"peers"`
	First  *positionJSON `json:"first"`
	Second *positionJSON `json:"second"`
}

// contestJSON is a route that two owners ask for.
type contestJSON struct {
	Family string `json:"family"`
	NLRI   string `json:"nlri"`
	Holder string `json:"holder"` // who was first, and keeps it
	Owner  string `json:"owner"`  // who asks for it too
}

func contestsJSON(all []state.Contest) []contestJSON {
	out := []contestJSON{}
	for _, c := range all {
		out = append(out, contestJSON{c.Key.Family.String(), c.Key.String(), c.Holder, c.Owner})
	}
	return out
}

type summaryJSON struct {
	Announce  int `json:"announce"`
	Change    int `json:"change"`
	Withdraw  int `json:"withdraw"`
	Foreign   int `json:"foreign"`
	Conflicts int `json:"conflicts"`
	Unchanged int `json:"unchanged"`
}
