package routefile

import "strings"

// suggest returns the known word that a person most likely meant, or "".
func suggest(word string, known []string) string {
	word = strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(word))
	if meant, ok := synonyms()[word]; ok {
		word = meant
	}
	best, least := "", min(3, 1+len(word)/4) // a short word is soon like any other
	for _, k := range known {
		if d := distance(word, k); d < least || (d == least && best == "" && d < 3) {
			best, least = k, d
		}
	}
	return best
}

// synonyms are the words that other routing software has for ours.
func synonyms() map[string]string {
	return map[string]string{
		"metric":               "med",
		"localpref":            "local-preference",
		"local-pref":           "local-preference",
		"communities":          "community",
		"large-communities":    "large-community",
		"ext-community":        "extended-community",
		"extended-communities": "extended-community",
		"path-id":              "path-information",
		"network":              "prefix",
		"networks":             "prefixes",
		"nlri":                 "prefix",
		"neighbor":             "peers",
		"neighbors":            "peers",
		"gateway":              "next-hop",
		"description":          "comment",
		"route-distinguisher":  "rd",
		"labels":               "label",
		"prefix-list":          "prefixes-from",
		"includes":             "include",
		"group":                "groups",
		"expiry":               "expires",
		"until":                "expires",
		"drop":                 "discard",
	}
}

// distance is how many characters must be put in, taken out, changed or
// swapped with their neighbor to make b of a.
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	var before, row []int
	next := make([]int, len(b)+1)
	for j := range next {
		next[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, row, next = row, next, make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
	}
	return next[len(b)]
}
