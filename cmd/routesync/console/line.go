package console

import (
	"fmt"
	"slices"
	"strings"

	"routesync/bridge/exabgp"
)

// statement is what a line asks for; the speakers were not asked yet.
type statement struct {
	verb    string
	speaker string         // whom it is for
	orders  []exabgp.Order // of verbGive
	topic   string         // of verbShow and verbHelp; "on" or "off" of verbRecv
	filter  Filter         // of verbShow
}

// The words that a line can begin with, besides those of commands on routes.
const (
	verbGive = "" // a command on routes
	verbUse  = "use"
	verbOn   = "on"
	verbShow = "show"
	verbRecv = "recv"
	verbHelp = "help"
	verbExit = "exit"
)

// spelled maps every way to write a verb to the verb.
func spelled() map[string]string {
	return map[string]string{
		"use": verbUse, "speaker": verbUse, "on": verbOn, "show": verbShow,
		"recv": verbRecv, "help": verbHelp, "?": verbHelp, "exit": verbExit, "quit": verbExit,
	}
}

// verbOf is the verb that a word stands for, "" for none. What has another name
// is shortened under its own: s is show, and not speaker.
func verbOf(text string) string {
	if verb := spelled()[text]; verb != "" {
		return verb
	}
	return pick(text, []string{verbUse, verbOn, verbShow, verbRecv, verbHelp, verbExit})
}

func verbWords() []string {
	var words []string
	for w := range spelled() {
		words = append(words, w)
	}
	slices.Sort(words)
	return words
}

// The topics of show.
const (
	topicAdvertised = "advertised"
	topicReceived   = "received"
	topicPeers      = "peers"
	topicForeign    = "foreign"
	topicHistory    = "history"
)

func topics() []string {
	return []string{topicAdvertised, topicReceived, topicPeers, topicForeign, topicHistory}
}

// read parses a line that is no comment. current is the speaker that it is for
// if it names none.
func read(line, current string, speakers []string) (statement, []Fault) {
	words := split(line)
	return readWords(line, words, current, speakers)
}

func readWords(line string, words []word, current string, speakers []string) (statement, []Fault) {
	s := statement{speaker: current, verb: verbOf(words[0].text)}
	args := words[1:]
	if s.verb == verbExit && spelled()[words[0].text] == "" {
		s.verb = verbGive // to leave is written in full: it drops the rest of a script
	}
	switch s.verb {
	case verbUse, verbOn:
		return readSpeaker(line, s, words, speakers)
	case verbShow:
		return s, s.readShow(words[0], args)
	case verbRecv:
		return s, s.readOne(words[0], args, []string{"on", "off"})
	case verbHelp:
		if len(args) == 0 {
			return s, nil
		}
		return s, s.readOne(words[0], args, helpTopics())
	case verbExit:
		return s, tooMany(args)
	}
	// What is left is a command on routes, from its first word on.
	rest := string([]rune(line)[words[0].column-1:])
	orders, err := exabgp.ParseTyped(rest)
	if err != nil {
		return statement{}, faultsOf(err, words[0].column-1)
	}
	s.orders = orders
	return s, nil
}

// Leaves tells whether a line is the command to leave.
func Leaves(line string) bool {
	words := split(line)
	return len(words) > 0 && spelled()[words[0].text] == verbExit
}

// readSpeaker reads "use SPEAKER" and "on SPEAKER COMMAND".
func readSpeaker(line string, s statement, words []word, speakers []string) (statement, []Fault) {
	if len(words) == 1 {
		return statement{}, []Fault{{words[0].end(), words[0].text + " is followed by no speaker", "there are " + strings.Join(speakers, ", ")}}
	}
	name := words[1].text
	if !slices.Contains(speakers, name) { // in full: edge1 is not edge10
		return statement{}, []Fault{{words[1].column, fmt.Sprintf("%q is no speaker of this console", name), "there are " + strings.Join(speakers, ", ")}}
	}
	if s.verb == verbUse {
		s.speaker = name
		return s, tooMany(words[2:])
	}
	if len(words) == 2 {
		return statement{}, []Fault{{words[1].end(), "on " + name + " is followed by no command", "write on " + name + " show peers"}}
	}
	inner, faults := readWords(line, words[2:], name, speakers)
	if len(faults) == 0 && inner.verb != verbGive && inner.verb != verbShow {
		faults = []Fault{{words[2].column, words[2].text + " is not for a speaker", "leave out on " + name}}
	}
	return inner, faults
}

func (s *statement) readShow(verb word, args []word) []Fault {
	if len(args) == 0 {
		return []Fault{{verb.end(), "show is not told what", "there are " + strings.Join(topics(), ", ")}}
	}
	var faults []Fault
	if s.topic, faults = choose(args[0], "topic of show", topics()); len(faults) > 0 {
		return faults
	}
	switch s.topic {
	case topicPeers, topicHistory:
		return tooMany(args[1:])
	}
	s.filter, faults = readFilter(args[1:])
	if s.topic == topicReceived && s.filter.Owner != nil {
		faults = append(faults, Fault{args[1].column, "received routes have no owner", "filter by peer"})
	}
	return faults
}

// readOne reads the one word that a verb takes.
func (s *statement) readOne(verb word, args []word, options []string) []Fault {
	if len(args) == 0 {
		return []Fault{{verb.end(), verb.text + " is not told what", "there are " + strings.Join(options, ", ")}}
	}
	var faults []Fault
	s.topic, faults = choose(args[0], "word that "+verb.text+" takes", options)
	return append(faults, tooMany(args[1:])...)
}

func tooMany(args []word) []Fault {
	if len(args) == 0 {
		return nil
	}
	return []Fault{{args[0].column, fmt.Sprintf("%q is a word too many", args[0].text), ""}}
}
