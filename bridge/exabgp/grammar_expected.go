package exabgp

import "routesync/state"

// Expected says what could stand at a column of an operator's line: words, and
// what kind of value, "" for none. A word that the column is in, or right
// behind of, counts as not written yet; so does all that follows.
//
// The kinds are those of the values: "prefix", "peer", "address", "as",
// "number", "community" and so on.
func Expected(line string, column int) (words []string, what string) {
	all, _ := lex(line)
	for i, w := range all {
		if w.end > column || w.mark == 0 && w.end == column {
			all = all[:i]
			break
		}
	}
	p := parser{dialect: typed, words: all}
	p.command()
	if p.wanted == nil {
		return nil, ""
	}
	return p.wanted.words, p.wanted.what
}

// expectedOf says what the value of an attribute is: words that it can be, and
// what else.
func expectedOf(name state.Name) (what string, words []string) {
	switch name {
	case state.Origin:
		return "", []string{"igp", "egp", "incomplete"}
	case state.ASPath:
		return "as", nil
	case state.NextHop:
		return "address", []string{"self"}
	case state.Community:
		return "community", []string{"no-export", "no-advertise", "no-export-subconfed", "nopeer", "blackhole"}
	case state.OriginatorID, state.ClusterList:
		return "address", nil
	case state.PrefixSIDSRv6:
		return "address", []string{"ipv6", "vpn", "l3vpn"}
	case state.Aggregator:
		return "as:address", nil
	case state.LargeCommunity, state.ExtendedCommunity:
		return string(name), nil
	}
	return "number", nil
}
