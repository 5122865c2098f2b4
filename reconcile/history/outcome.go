package history

import (
	"errors"
	"io"
	"net/netip"

	"routesync/state"
)

type outcomeJSON struct {
	versioned
	Speaker string `json:"speaker"`
	Seq     int    `json:"part"`
	Outcome
}

// casesJSON is cases that share all but their keys.
type casesJSON struct {
	Family string     `json:"family"`
	Peer   netip.Addr `json:"peer,omitzero"`
	State  string     `json:"state"`
	Reason string     `json:"reason,omitempty"`
	NLRI   []string   `json:"nlri"`
}

// encodeOutcome writes what was seen of a part.
func encodeOutcome(to io.Writer, speaker string, seq int, o *Outcome) error {
	w := newLineWriter(to)
	if err := w.line(outcomeJSON{versioned{format}, speaker, seq, *o}); err != nil {
		return err
	}
	type class struct {
		family        state.Family
		peer          netip.Addr
		state, reason string
	}
	var order []class
	keys := map[class][]string{}
	for i := range o.Cases {
		c := &o.Cases[i]
		is := class{c.Key.Family, c.Peer, c.State, c.Reason}
		if keys[is] == nil {
			order = append(order, is)
		}
		keys[is] = append(keys[is], c.Key.String())
	}
	for _, is := range order {
		for rest := keys[is]; len(rest) > 0; {
			n := min(len(rest), maxKeys)
			if err := w.line(casesJSON{is.family.String(), is.peer, is.state, is.reason, rest[:n]}); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return w.seal()
}

func decodeOutcome(from io.Reader) (speaker string, seq int, o *Outcome, err error) {
	var j outcomeJSON
	err = readLines(from, func(n int, line []byte) error {
		if n == 1 {
			if err := decodeLine(line, &j); err != nil {
				return err
			}
			return j.check()
		}
		var c casesJSON
		if err := decodeLine(line, &c); err != nil {
			return err
		}
		family, err := state.ParseFamily(c.Family)
		if err != nil {
			return err
		}
		if len(c.NLRI) == 0 || c.State == "" {
			return errors.New("a case of nothing")
		}
		for _, text := range c.NLRI {
			k, err := state.ParseKey(family, text)
			if err != nil {
				return err
			}
			j.Cases = append(j.Cases, Case{k, c.Peer, c.State, c.Reason})
		}
		return nil
	})
	if err != nil {
		return "", 0, nil, err
	}
	sortCases(j.Cases)
	return j.Speaker, j.Seq, &j.Outcome, nil
}
