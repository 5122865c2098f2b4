package main

import (
	"fmt"
	"strconv"
	"strings"

	"routesync/reconcile/guard"
	"routesync/state"
)

// judgement is what the plan leads to, and what the guards have against it.
func (s speakerPlan) judgement(p plans) []string {
	if len(s.Changes) == 0 {
		return nil
	}
	lines := []string{impactText(s.guards.Impact) + "Guards: ok."}
	if len(s.guards.Refusals) > 0 {
		lines[0] = impactText(s.guards.Impact) + "Guards: refused."
	}
	for _, f := range s.guards.Refusals {
		lines = append(lines, findingText("Refused by", f))
	}
	for _, f := range s.lifted {
		lines = append(lines, findingText("Overridden:", f))
	}
	for _, f := range s.guards.Warnings {
		lines = append(lines, findingText("Warning of", f))
	}
	if len(s.guards.Refusals) > 0 {
		with := append(guardWords(p.given), flagOverride, s.override(p).String())
		lines = append(lines, "If exactly this is meant, apply it with "+strings.Join(with, " "))
	}
	return lines
}

// findingText is what one guard has against a plan. Its first words are what becomes of
// that: a rule is called never.
func findingText(what string, f guard.Finding) string {
	line := fmt.Sprintf("%s guard %s: %s", what, f.Rule, f.Text)
	if list := f.List(); list != "" {
		line += ": " + list
	}
	return line + "."
}

// impactText says how much goes, "" for nothing.
func impactText(i guard.Impact) string {
	if i.Withdrawn == 0 {
		return ""
	}
	words := []string{fmt.Sprintf("%d of %s (%s)", i.Withdrawn, count(i.Routes, "route"), shareText(i.Share()))}
	for _, x := range i.Space {
		if x.Dark > 0 {
			words = append(words, fmt.Sprintf("%s of the address space announced in %s", shareText(x.Share()), x.Family))
		}
	}
	return "Impact: withdraws " + strings.Join(words, ", ") + ". "
}

// shareText is a share for people, in percent with up to two decimals. What is not
// nothing is not 0.
func shareText(share float64) string {
	text := strings.TrimRight(strings.TrimRight(strconv.FormatFloat(share*100, 'f', 2, 64), "0"), ".")
	switch {
	case text == "0" && share > 0:
		return "under 0.01%"
	case text == "100" && share < 1:
		return "over 99.99%"
	}
	return text + "%"
}

// impactJSON is what the plan leads to. A route counts once, at however many peers.
type impactJSON struct {
	Routes    int         `json:"routes"`    // that the owner has at the speaker
	Withdrawn int         `json:"withdrawn"` // of them, that go altogether
	Share     float64     `json:"share"`
	Space     []spaceJSON `json:"space"`
}

// spaceJSON is the address space of one family, in addresses.
type spaceJSON struct {
	Family    string  `json:"family"`
	Announced float64 `json:"announced"`
	Dark      float64 `json:"dark"` // that no route of the owner covers any more
	Share     float64 `json:"share"`
}

func impactOf(i guard.Impact) impactJSON {
	j := impactJSON{i.Routes, i.Withdrawn, i.Share(), []spaceJSON{}}
	for _, x := range i.Space {
		j.Space = append(j.Space, spaceJSON{x.Family.String(), x.Total, x.Dark, x.Share()})
	}
	return j
}

// guardsJSON is what the guards have against the plan.
type guardsJSON struct {
	OK       bool          `json:"ok"` // nothing refuses it
	Refusals []findingJSON `json:"refusals"`
	Warnings []findingJSON `json:"warnings"`
	// Overridden are what would refuse it, and is lifted; Override is what would lift
	// all that does.
	Overridden []findingJSON `json:"overridden"`
	Override   string        `json:"override,omitempty"`
}

type findingJSON struct {
	Rule   string      `json:"rule"`
	Text   string      `json:"text"`
	Count  int         `json:"count"`
	Routes []routeJSON `json:"routes"` // the first of them
}

type routeJSON struct {
	Family string `json:"family"`
	NLRI   string `json:"nlri"`
}

func (s speakerPlan) guardsJSON(p plans) guardsJSON {
	j := guardsJSON{OK: len(s.guards.Refusals) == 0, Refusals: findingsOf(s.guards.Refusals), Warnings: findingsOf(s.guards.Warnings), Overridden: findingsOf(s.lifted)}
	if !j.OK {
		j.Override = s.override(p).String()
	}
	return j
}

func findingsOf(all []guard.Finding) []findingJSON {
	out := []findingJSON{}
	for _, f := range all {
		j := findingJSON{string(f.Rule), f.Text, f.Count, routesOf(f.Routes)}
		out = append(out, j)
	}
	return out
}

func routesOf(keys []state.Key) []routeJSON {
	out := []routeJSON{}
	for _, k := range keys {
		out = append(out, routeJSON{k.Family.String(), k.String()})
	}
	return out
}
