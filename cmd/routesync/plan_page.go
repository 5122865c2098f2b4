package main

import (
	"fmt"
	"strings"
)

// planPage is a plan as Markdown and HTML show it: the count first, and what goes
// before what comes, for that is what a reviewer must not miss.
type planPage struct {
	Title    string // the count
	Subject  string // of which file, for whom
	Alerts   []string
	Speakers []planSection
}

// planSection is the plan for one speaker.
type planSection struct {
	Name, Against string
	Lines         []string // what the text says below its rows
	Groups        []planGroup
}

// planGroup is the rows of one kind.
type planGroup struct {
	Sign, Title string
	Rows        []planRow
}

type planRow struct {
	Route, Detail, Where string
	Notes                []string
}

// About is what is said beside a route.
func (r planRow) About() []string {
	if r.Where == "" {
		return r.Notes
	}
	return append([]string{r.Where}, r.Notes...)
}

// page is the plans for people who review them elsewhere.
func (p plans) page() planPage {
	page := planPage{Title: p.title(), Subject: fmt.Sprintf("%s of owner %s", p.file, p.desired.Owner)}
	if p.commit != nil {
		page.Subject += " @ " + p.commit.short()
	}
	for _, name := range p.unanswered() {
		page.Alerts = append(page.Alerts, "Nothing is known of "+name+": this is not the whole plan.")
	}
	for _, s := range p.speakers {
		if f := s.older(); f != nil {
			page.Alerts = append(page.Alerts, fmt.Sprintf("%s: %s is older than what is in force for owner %s; apply and watch refuse it.", s.speaker, p.file, f.Owner))
		}
		if n := len(s.guards.Refusals); n > 0 {
			page.Alerts = append(page.Alerts, fmt.Sprintf("%s: refused by guards: %s.", s.speaker, joinRules(s)))
		}
		_, against, _ := strings.Cut(s.header(), ": ")
		page.Speakers = append(page.Speakers, planSection{s.speaker, against, s.closing(p), groupRows(s.rows())})
	}
	return page
}

// title is the count.
func (p plans) title() string {
	if p.changes() == 0 {
		return "No changes"
	}
	var announce, replace, withdraw int
	for _, s := range p.speakers {
		a, r, w := s.Count()
		announce, replace, withdraw = announce+a, replace+r, withdraw+w
	}
	return fmt.Sprintf("%d to announce, %d to change, %d to withdraw", announce, replace, withdraw)
}

func joinRules(s speakerPlan) string {
	var words []string
	for _, r := range s.guards.Rules() {
		words = append(words, string(r))
	}
	return strings.Join(words, ", ")
}

// groupRows puts rows of one kind together. Each kind keeps its order.
func groupRows(rows []row) []planGroup {
	groups := []planGroup{{Sign: "-", Title: "To withdraw"}, {Sign: "~", Title: "To change"}, {Sign: "+", Title: "To announce"}, {Sign: "!", Title: "To look at"}}
	for _, r := range rows {
		for i := range groups {
			if groups[i].Sign == r.sign {
				groups[i].Rows = append(groups[i].Rows, planRow{r.nlri, r.detail, r.where, r.notes})
			}
		}
	}
	all := groups[:0]
	for _, g := range groups {
		if len(g.Rows) > 0 {
			all = append(all, g)
		}
	}
	return all
}
