package rabbit

import (
	"fmt"
	"regexp"
	"strings"
)

// Permissions are what a user may configure, write and read in a vhost, as
// regular expressions.
type Permissions struct{ Configure, Write, Read string }

// BridgePermissions are the least that a speaker's bridge needs; classic if it
// serves the classic queues too.
func BridgePermissions(speaker string, classic bool) Permissions {
	name := regexp.QuoteMeta(speaker)
	extra := ""
	if classic {
		extra = `|(to|from)-exabgp`
	}
	return Permissions{
		Configure: `^(rs\.(cmd|evt|dlx|dead)|rs\.(cmd|rpc)\.` + name + extra + `)$`,
		Write:     `^(rs\.(evt|dlx|dead)|rs\.(cmd|rpc)\.` + name + `|amq\.default` + extra + `)$`,
		Read:      `^(rs\.(cmd|dlx)|rs\.(cmd|rpc)\.` + name + extra + `)$`,
	}
}

// CommanderPermissions are the least that whoever keeps speakers to a file needs,
// once their bridges have declared the queues.
func CommanderPermissions() Permissions {
	return Permissions{
		Configure: `^(amq\.gen-.*|rs\.lock\..*)$`,
		Write:     `^(amq\.gen-.*|amq\.default|rs\.cmd)$`,
		Read:      `^(amq\.gen-.*|rs\.evt)$`,
	}
}

// OperatorPermissions are the least that whoever gives single orders needs.
func OperatorPermissions() Permissions {
	p := ReaderPermissions()
	p.Write = CommanderPermissions().Write
	return p
}

// ReaderPermissions are the least that whoever only looks needs. With these nobody
// commands: a bridge takes commands from rs.cmd alone.
func ReaderPermissions() Permissions {
	return Permissions{
		Configure: `^amq\.gen-.*$`,
		Write:     `^(amq\.gen-.*|amq\.default)$`,
		Read:      `^(amq\.gen-.*|rs\.evt)$`,
	}
}

// grant is the command that gives a user these permissions, in the place of those
// that it has.
func (p Permissions) grant(vhost, user string) string {
	return fmt.Sprintf("rabbitmqctl set_permissions -p %s %s %s %s %s",
		quoted(vhost), quoted(user), quoted(p.Configure), quoted(p.Write), quoted(p.Read))
}

// quoted is a word for a shell.
func quoted(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-", r))
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
