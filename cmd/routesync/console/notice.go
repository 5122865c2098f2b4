package console

import (
	"fmt"

	"routesync/state"
)

// noticeLines is a notice for people. Those of another speaker than the
// current one say whose they are.
func noticeLines(n Notice, current string) []string {
	whose := ""
	if n.Speaker != "" && n.Speaker != current {
		whose = " at " + n.Speaker
	}
	if len(n.NLRI) == 0 {
		return []string{"-- " + escape(n.Text+whose)}
	}
	var out []string
	for _, nlri := range n.NLRI {
		out = append(out, "[recv]"+escape(n.verb()+n.route(nlri)+whose))
	}
	return out
}

func (n Notice) verb() string {
	if n.Withdraw {
		return "withdraw "
	}
	return "announce "
}

// route names a route; the family is left out where it always was.
func (n Notice) route(nlri string) string {
	if n.Family == "ipv4 unicast" || n.Family == "" {
		return nlri
	}
	return state.FamilyRoute(n.Family, nlri)
}

// burst is what a summary counts together.
type burst struct {
	speaker, peer string
	withdraw      bool
}

// line is the summary; some says that others were shown one by one.
func (b burst) line(routes int, some bool, current string) string {
	more := "route"
	if some {
		more = "more route"
	}
	what := "announced"
	if b.withdraw {
		what = "withdrawn"
	}
	whose := ""
	if b.speaker != "" && b.speaker != current {
		whose = " at " + b.speaker
	}
	return fmt.Sprintf("[recv] %s %s by %s%s; show received", count(routes, more), what, b.peer, whose)
}
