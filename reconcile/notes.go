package reconcile

// Notes are told what keeps a speaker, or some of its routes, from what is asked
// for, so that people see it wherever they look.
type Notes interface {
	// Note says what is so, and what a person can do about it, in place of what was
	// noted by the name before. Without a text it is over.
	Note(name, text, do string)
}

// NoteTo has what keeps the speaker from its target noted. It is called before
// [Converge].
func (t *Target) NoteTo(notes Notes) { t.notes = notes }

func (t *Target) note(name, text, do string) {
	if t.notes != nil {
		t.notes.Note(name, text, do)
	}
}
