package state

import (
	"fmt"
	"strings"
)

// CheckName is the rule for the names of owners and speakers: they become
// parts of queue names and lines of logs. Its errors are [*Fault].
func CheckName(name string) error {
	const first = "abcdefghijklmnopqrstuvwxyz0123456789"
	bad := func(r rune) bool { return !strings.ContainsRune(first+"._-", r) }
	if name == "" || len(name) > 63 || !strings.ContainsRune(first, rune(name[0])) || strings.ContainsFunc(name, bad) {
		return &Fault{
			Msg:  fmt.Sprintf("%q is not a name", name),
			Hint: "a name has 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit",
		}
	}
	return nil
}
