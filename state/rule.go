package state

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is the name of a guard: of one thing that a plan may not do.
type Rule string

// The rules.
const (
	RuleWithdraw      Rule = "withdraw"       // too many routes go at once
	RuleWithdrawSpace Rule = "withdraw-space" // too much of the address space goes dark at once
	RuleWithdrawTag   Rule = "withdraw-tag"   // too many routes of a tag
	RuleWithdrawPeer  Rule = "withdraw-peer"  // too many routes at a peer
	RuleMinRoutes     Rule = "min-routes"     // fewer routes than there have to be are left
	RuleMinTag        Rule = "min-tag"        // and of a tag
	RuleProtect       Rule = "protect"        // a route is touched that may not be
	RuleNever         Rule = "never"          // a prefix that may not be announced
	RulePrefixLength  Rule = "prefix-length"  // too short or too long a prefix
	RuleMaxRoutes     Rule = "max-routes"     // more routes than there may be
	RuleNextHop       Rule = "next-hop"       // a next hop that is not one of the owner's
	RuleCommunity     Rule = "community"      // a community that is not one of the owner's
	RuleRPKI          Rule = "rpki"           // an origin that is not authorised
	RuleFlap          Rule = "flap"           // a route that changes too often
)

// Rules lists the rules, in the order in which they are reported.
func Rules() []Rule {
	return []Rule{
		RuleWithdraw, RuleWithdrawSpace, RuleWithdrawTag, RuleWithdrawPeer, RuleMinRoutes, RuleMinTag, RuleProtect,
		RuleNever, RulePrefixLength, RuleMaxRoutes, RuleNextHop, RuleCommunity, RuleRPKI, RuleFlap,
	}
}

// Override lifts rules for one plan for one speaker, and for no other.
type Override struct {
	Rules []Rule // in the order of [Rules]
	Plan  string // the first [ShortDigest] digits of [Plan.Digest], or more
	// By is who gave it, how, and why, for people; "" if that is the file. It is no part
	// of what the override is.
	By string
}

// NewOverride is the override that lifts rules for the plan with a digest.
func NewOverride(digest string, rules []Rule) Override {
	o := Override{Plan: digest[:min(ShortDigest, len(digest))]}
	for _, r := range Rules() {
		if slices.Contains(rules, r) {
			o.Rules = append(o.Rules, r)
		}
	}
	return o
}

const overrideHint = "write it as the refusal has it: withdraw,withdraw-space@9b1d2c3f4a5b"

// SplitOverride reads what overrides of all releases have in common: words, which
// name rules that this release need not know, and the first digits of a plan's
// digest. Its errors are [*Fault].
func SplitOverride(text string) (rules []Rule, plan string, err error) {
	words, plan, found := strings.Cut(text, "@")
	if !found {
		return nil, "", &Fault{Msg: fmt.Sprintf("override %q does not say for which plan", text), Hint: overrideHint}
	}
	if len(plan) < ShortDigest || len(plan) > 64 || strings.Trim(plan, "0123456789abcdef") != "" {
		return nil, "", &Fault{Msg: fmt.Sprintf("override %q: %q is not %d hex digits", text, plan, ShortDigest), Hint: overrideHint}
	}
	for word := range strings.SplitSeq(words, ",") {
		rules = append(rules, Rule(word))
	}
	return rules, plan, nil
}

// ParseOverride reads "withdraw,withdraw-space@9b1d2c3f4a5b". Its errors are
// [*Fault].
func ParseOverride(text string) (Override, error) {
	named, plan, err := SplitOverride(text)
	if err != nil {
		return Override{}, err
	}
	var rules []Rule
	for _, r := range named {
		switch {
		case !slices.Contains(Rules(), r):
			return Override{}, &Fault{Msg: fmt.Sprintf("override %q: %q is not the name of a guard", text, r), Hint: overrideHint}
		case slices.Contains(rules, r):
			return Override{}, &Fault{Msg: fmt.Sprintf("override %q names %s twice", text, r)}
		}
		rules = append(rules, r)
	}
	o := NewOverride(plan, rules)
	o.Plan = plan
	return o, nil
}

// String is what [ParseOverride] reads.
func (o Override) String() string {
	words := make([]string, len(o.Rules))
	for i, r := range o.Rules {
		words[i] = string(r)
	}
	return strings.Join(words, ",") + "@" + o.Plan
}

// Lifts tells whether the override lifts a rule for the plan with a digest.
func (o Override) Lifts(r Rule, digest string) bool {
	return len(o.Plan) >= ShortDigest && strings.HasPrefix(digest, o.Plan) && slices.Contains(o.Rules, r)
}
