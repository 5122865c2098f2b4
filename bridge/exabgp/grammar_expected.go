package exabgp

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
