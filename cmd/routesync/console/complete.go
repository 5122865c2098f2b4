package console

import (
	"slices"
	"strings"
	"unicode/utf8"

	"routesync/bridge/exabgp"
)

// mostOffered is how many words completion offers; of more it would have to
// leave some out, and then fill in what only the others have in common.
const mostOffered = 300

// complete lists the words that can stand where text ends, and how much of
// them is typed already.
func complete(text string, speakers []string, k known) (words []string, typed string) {
	done := split(text)
	if n := len(done); n > 0 && !strings.HasSuffix(text, " ") && !strings.HasSuffix(text, "\t") {
		typed = done[n-1].text
		done = done[:n-1]
	}
	for _, w := range offered(text, done, speakers, k) {
		if strings.HasPrefix(w, typed) {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) > mostOffered {
		return nil, typed
	}
	return words, typed
}

// offered are the words that can follow those that are done.
func offered(text string, done []word, speakers []string, k known) []string {
	if len(done) == 0 {
		return append(verbWords(), "announce", "withdraw", "neighbor")
	}
	verb, last := verbOf(done[0].text), done[len(done)-1].text
	switch verb {
	case verbUse, verbOn:
		if len(done) == 1 {
			return speakers
		}
		if verb == verbUse {
			return nil
		}
		rest := string([]rune(text)[done[1].end()-1:])
		return offered(rest, split(rest)[:len(done)-2], speakers, k)
	case verbShow:
		return offeredShow(done, last, k)
	case verbRecv, verbHelp:
		if len(done) > 1 {
			return nil
		}
		if verb == verbRecv {
			return []string{"on", "off"}
		}
		return helpTopics()
	case verbExit:
		return nil
	}
	return offeredRoute(text, done, k)
}

func offeredShow(done []word, last string, k known) []string {
	if len(done) == 1 {
		return topics()
	}
	topic := pick(done[1].text, topics())
	if topic == topicPeers || topic == topicHistory {
		return nil
	}
	switch pick(last, filterWords()) {
	case "peer":
		return k.peers
	case "owner":
		return k.owners
	case "family":
		return familyWords(0, "")
	case "match":
		return nil
	}
	words := filterWords()
	if n := len(done); n > 2 && pick(done[n-2].text, filterWords()) == "family" {
		words = append(words, familyWords(1, last)...)
	}
	if topic == topicReceived {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "owner" })
	}
	if topic == topicForeign {
		words = append(words, k.byHand...)
	}
	return words
}

// familyWords are the words of families at a place, of those that begin with
// afi.
func familyWords(place int, afi string) []string {
	var words []string
	for _, f := range exabgp.Families() {
		if w := strings.Fields(f); place == 0 || w[0] == afi {
			words = append(words, w[place])
		}
	}
	return words
}

// offeredRoute is for commands on routes: the words of the grammar, and what
// is known besides.
func offeredRoute(text string, done []word, k known) []string {
	words, what := exabgp.Expected(text, utf8.RuneCountInString(text)+1)
	words = slices.Clone(words)
	switch what {
	case "peer":
		return append(words, k.peers...)
	case "prefix":
		if slices.ContainsFunc(done, func(w word) bool { return w.text == "withdraw" || w.text == "-" }) {
			words = append(words, k.byHand...)
		}
	case "community":
		words = append(words, communities()...)
	}
	return words
}

// communities are the well-known ones that exaBGP has words for.
func communities() []string {
	return []string{"no-export", "no-advertise", "no-export-subconfed", "nopeer", "blackhole"}
}

// Do completes for the line editor: it returns what is to be added to the word
// at the cursor, and how much of the word is there.
func (p *prompt) Do(line []rune, pos int) (added [][]rune, length int) {
	speaker := *p.current.Load()
	text := string(line[:pos])
	// "on SPEAKER" is about what is known there.
	if w := split(text); len(w) > 2 && verbOf(w[0].text) == verbOn {
		speaker = w[1].text
	}
	if !slices.Contains(p.Backend.Speakers(), speaker) {
		return nil, 0
	}
	words, typed := complete(text, p.Backend.Speakers(), p.cache.get(speaker))
	for _, w := range words {
		added = append(added, []rune(w[len(typed):]+" "))
	}
	return added, utf8.RuneCountInString(typed)
}
