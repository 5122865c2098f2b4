package routefile

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"routesync/state"
)

// guard writes what a plan may not do, as far as it is not what holds anyway.
func (w *fileWriter) guard(p *state.Policy) {
	if p == nil {
		return
	}
	d := state.DefaultPolicy()
	w.line(0, "guard:")
	w.line(2, "max-withdraw: "+p.MaxWithdraw.String())
	w.when(p.MaxWithdrawSpace != d.MaxWithdrawSpace, "max-withdraw-space: "+p.MaxWithdrawSpace.String())
	w.when(p.MinRoutes > 0, fmt.Sprintf("min-routes: %d", p.MinRoutes))
	w.when(p.MaxRoutes > 0, fmt.Sprintf("max-routes: %d", p.MaxRoutes))
	w.when(len(p.Tags) > 0, "tags:")
	for _, b := range p.Tags {
		var words []string
		if b.MaxWithdraw != nil {
			words = append(words, "max-withdraw: "+b.MaxWithdraw.String())
		}
		if b.MinRoutes > 0 {
			words = append(words, fmt.Sprintf("min-routes: %d", b.MinRoutes))
		}
		w.line(4, text(b.Tag)+": { "+strings.Join(words, ", ")+" }")
	}
	w.when(len(p.Peers) > 0, "peers:")
	for _, b := range p.Peers {
		w.line(4, text(b.Peer.String())+": { max-withdraw: "+b.MaxWithdraw.String()+" }")
	}
	w.list("protect", prefixTexts(p.Protect))
	w.list("never", prefixTexts(p.Never))
	w.list("allow", p.Allow)
	if p.Lengths4 != d.Lengths4 || p.Lengths6 != d.Lengths6 {
		w.line(2, fmt.Sprintf("prefix-length: { ipv4: %d-%d, ipv6: %d-%d }", p.Lengths4.Min, p.Lengths4.Max, p.Lengths6.Min, p.Lengths6.Max))
	}
	if p.NextHops != nil {
		hops := prefixTexts(p.NextHops.Prefixes)
		if p.NextHops.Self {
			hops = append(hops, "self")
		}
		w.list("next-hops", hops)
	}
	w.list("communities", words(p.Communities))
	if p.RPKI.VRPs != "" {
		w.line(2, "rpki:")
		w.line(4, "vrps: "+text(p.RPKI.VRPs))
		w.line(4, "invalid: "+action(p.RPKI.Invalid))
		w.line(4, "not-found: "+action(p.RPKI.NotFound))
		if p.RPKI.MaxAge != 0 {
			w.line(4, "max-age: "+(time.Duration(p.RPKI.MaxAge)*time.Millisecond).String())
		}
	}
	switch p.Flap {
	case d.Flap:
	case state.Flap{}:
		w.line(2, "flap: off")
	default:
		w.line(2, fmt.Sprintf("flap: { changes: %d, within: %s }", p.Flap.Changes, time.Duration(p.Flap.Within)*time.Millisecond))
	}
	var overrides []string
	for _, o := range p.Overrides {
		overrides = append(overrides, o.String())
	}
	w.list("override", overrides)
}

// when writes a line of guard if it is to be there.
func (w *fileWriter) when(is bool, line string) {
	if is {
		w.line(2, line)
	}
}

func (w *fileWriter) list(key string, items []string) {
	w.when(len(items) > 0, key+": "+flowList(items))
}

func prefixTexts(all []netip.Prefix) []string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.String()
	}
	return texts
}

func words[T ~string](all []T) []string {
	texts := make([]string, len(all))
	for i, x := range all {
		texts[i] = string(x)
	}
	return texts
}

func action(a state.Action) string {
	if a == state.Allow {
		return "allow"
	}
	return string(a)
}
