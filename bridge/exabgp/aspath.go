package exabgp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// path renders an as-path: numbers, and a set in parentheses after them.
func (d Dialect) path(values []string) string {
	joined := strings.Join(values, " ")
	if !d.segmented() || !strings.Contains(joined, "(") {
		return "[ " + joined + " ]"
	}
	sequence, set, _ := strings.Cut(joined, "(")
	set = "( " + strings.TrimSuffix(set, ")") + " )"
	if sequence = strings.TrimSpace(sequence); sequence == "" {
		return set
	}
	return "[ " + sequence + " ] " + set
}

// path adds a sequence, or the set that comes after it: "as-path" sorts before
// "as-set".
func (g *gather) path(key string, value json.RawMessage) error {
	if bytes.HasPrefix(value, []byte("{")) {
		return g.segmentsJSON(value)
	}
	var list []uint64
	if err := json.Unmarshal(value, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return nil
	}
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.FormatUint(n, 10)
	}
	if key == "as-set" {
		words = []string{"(" + strings.Join(words, " ") + ")"}
	}
	g.add(state.ASPath, words...)
	return nil
}

// segmentsJSON reads {"0": {"element": "as-sequence", "value": [1, 2]}, "1":
// {"element": "as-set", "value": [3]}}, which exaBGP 5.0 and newer write. The
// segments of a confederation are called as-sequence there too, so that one
// before a sequence shows only by not being full (RFC 4271 §4.3).
func (g *gather) segmentsJSON(value json.RawMessage) error {
	var segments map[string]struct {
		Element string
		Value   []uint64
	}
	if err := json.Unmarshal(value, &segments); err != nil {
		return err
	}
	const full = 255
	var path []string
	for i := range len(segments) {
		s, ok := segments[strconv.Itoa(i)]
		words := make([]string, len(s.Value))
		for j, n := range s.Value {
			words[j] = strconv.FormatUint(n, 10)
		}
		switch {
		case ok && s.Element == "as-sequence" && len(path) == i*full:
			path = append(path, words...)
		case ok && s.Element == "as-set" && i == len(segments)-1:
			path = append(path, "("+strings.Join(words, " ")+")")
		default:
			return fmt.Errorf("no as-path of ours")
		}
	}
	if len(path) > 0 {
		g.add(state.ASPath, path...)
	}
	return nil
}

// pathText reads "65000 65001 ( 65002 65003 )" as exaBGP spaces it: a
// parenthesis is a word or not.
func (g *gather) pathText(words []string) bool {
	text := strings.Join(words, " ")
	sequence, set, some := strings.Cut(text, "(")
	g.add(state.ASPath, strings.Fields(sequence)...)
	if some {
		inner, _, _ := strings.Cut(set, ")")
		g.add(state.ASPath, "("+strings.Join(strings.Fields(inner), " ")+")")
	}
	if len(g.values[state.ASPath]) == 0 {
		delete(g.values, state.ASPath) // "[ ]", the empty path
	}
	return true
}

// segments reads "( 65000 65001 ) [ 65002 65003 ]": a sequence and a set.
func (g *gather) segments(words []string) bool {
	var values []string
	for len(words) > 0 {
		end := map[string]string{"(": ")", "[": "]"}[words[0]]
		n := slices.Index(words, end)
		if end == "" || n < 0 || words[0] == "(" && len(values) > 0 || words[0] == "[" && n+1 < len(words) {
			return false // of a confederation, or in an order that state has no word for
		}
		segment := words[1:n]
		if words[0] == "[" {
			segment = []string{"(" + strings.Join(segment, " ") + ")"}
		}
		values, words = append(values, segment...), words[n+1:]
	}
	if len(values) > 0 {
		g.add(state.ASPath, values...)
	}
	return true
}
