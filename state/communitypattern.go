package state

import (
	"fmt"
	"slices"
	"strings"
)

// CommunityPattern stands for communities of any kind: their canonical text, in
// which a part between colons may be "*", which is any.
type CommunityPattern string

// ParseCommunityPattern reads "65000:*", "65000:*:1", "target:65000:*", or a
// community as it is written elsewhere. Its errors are [*Fault].
func ParseCommunityPattern(text string) (CommunityPattern, error) {
	parts := strings.Split(text, ":")
	if slices.Contains(parts, "*") {
		bad := func(part string) bool {
			return part != "*" && (part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "")
		}
		if len(parts) < 2 || len(parts) > 4 || slices.ContainsFunc(parts, bad) {
			return "", badPattern(text)
		}
		return CommunityPattern(text), nil
	}
	for _, kind := range []Name{Community, LargeCommunity, ExtendedCommunity} {
		if kind == ExtendedCommunity && !strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyz") {
			break // exaBGP takes 70000:1 for one
		}
		if c, err := kind.Canonical(text); err == nil {
			return CommunityPattern(c), nil
		}
	}
	return "", badPattern(text)
}

func badPattern(text string) *Fault {
	return &Fault{
		Msg:  fmt.Sprintf("%q is not a community, nor a pattern of some", text),
		Hint: "write it as 65000:1, no-export, 65000:*, 65000:1:* or target:65000:*",
	}
}

// Matches tells whether a community, in its canonical text, is meant.
func (c CommunityPattern) Matches(community string) bool {
	want, have := strings.Split(string(c), ":"), strings.Split(community, ":")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != "*" && want[i] != have[i] {
			return false
		}
	}
	return true
}
