package state

import (
	"fmt"
	"strings"
)

// The owners of routes that no file asks for. A file can't have them.
const (
	// OwnerConsole is whoever types into routesync console.
	OwnerConsole = "console"
	// OwnerClassic is whoever publishes text to the queue to-exabgp.
	OwnerClassic = "classic"
	// OwnerExaBGP is kept free, for people take it for exaBGP itself.
	OwnerExaBGP = "exabgp"
)

// ReservedOwner tells whether a file may not be for this owner.
func ReservedOwner(owner string) bool {
	return owner == OwnerConsole || owner == OwnerClassic || owner == OwnerExaBGP
}

// ByHand tells whether routes of an owner belong to whoever commands by hand:
// what one types another may change. "" is exaBGP itself, whose routes an
// operator could always change.
func ByHand(owner string) bool {
	return owner == "" || owner == OwnerConsole || owner == OwnerClassic
}

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
