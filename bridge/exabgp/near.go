package exabgp

import "strings"

// near is the word that somebody most likely meant with one that is not among
// them, "" if that is not plain.
func near(text string, words []string) string {
	bare := strings.NewReplacer("-", "", "_", "")
	text = bare.Replace(strings.ToLower(text))
	if len(text) < 3 || len(text) > 40 {
		return ""
	}
	best, least, begun := "", len(text)/4+2, ""
	for _, w := range words {
		known := bare.Replace(w)
		switch d := edits(text, known); {
		case d < least:
			best, least = w, d
		case d == least && best != "":
			best = "" // two are as near
		}
		if strings.HasPrefix(known, text) {
			if begun != "" {
				begun = "-"
			} else {
				begun = w
			}
		}
	}
	if least > 0 && begun != "" && begun != "-" {
		return begun
	}
	return best
}

// edits is how many characters have to be added, dropped or changed, or swapped
// with the next, to make one word of the other.
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
