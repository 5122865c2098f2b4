package state

// Fault is an error in a value that a person wrote. Hint, if any, says what
// to write instead.
type Fault struct {
	Msg  string
	Hint string
}

func (f *Fault) Error() string { return f.Msg }
