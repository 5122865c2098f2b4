package console

import "strings"

func helpTopics() []string {
	return []string{"announce", "withdraw", "neighbor", "expires", "show", "use", "speaker", "on", "recv", "exit"}
}

// help is what is said about a command; "" is about all of them.
func help(topic string) []string {
	return strings.Split(strings.Trim(helpText(topic), "\n"), "\n")
}

func helpText(topic string) string {
	switch topic {
	case "announce":
		return `
[neighbor ADDRESS [local-as AS] [peer-as AS], ...] announce route PREFIX next-hop ADDRESS|self
    [ATTRIBUTE VALUE ...] [expires 10m | expires 2026-12-01T00:00:00Z]
announce attributes next-hop ADDRESS [ATTRIBUTE VALUE ...] nlri PREFIX PREFIX ...

The words are those of exaBGP's API. "route" may be left out, and + is announce:
    + 192.0.2.0/24 next-hop self community no-export expires 10m
Without neighbor it is for every peer whose session has the family. With
expires the bridge withdraws the route by itself. Several values of an attribute
are put in brackets: community [65000:1 no-export].
`
	case "neighbor":
		return `
neighbor ADDRESS [local-as AS] [peer-as AS], neighbor ADDRESS ... announce ...

Only these peers are announced, or withdrawn, the routes:
    neighbor 192.0.2.1, neighbor 192.0.2.2 announce 198.51.100.0/24 next-hop self
show peers lists them.
`
	case "expires":
		return `
announce ... expires 10m                    in so many s, m or h
announce ... expires 2026-12-01T00:00:00Z   at a time

It ends the line. The bridge withdraws the routes then, also if the console has
ended.
`
	case "withdraw":
		return `
[neighbor ADDRESS ...,] withdraw route PREFIX
withdraw attributes nlri PREFIX PREFIX ...

"route" may be left out, and - is withdraw:
    - 192.0.2.0/24
A route that a file keeps is not withdrawn: it would come back. The answer says
where in the file it is.
`
	case "show":
		return `
show advertised [FILTER]   what the speaker announces, and how far it is at each peer
show received [FILTER]     what the speaker's peers sent it
show peers                 the sessions
show foreign [FILTER]      what no file asks for: who typed it, when, until when
show history               what was typed here, and what became of it

FILTER is any of:
    192.0.2.0/24           this prefix
    10.0.0.0/8 longer      this prefix and all that it covers
    peer 192.0.2.1         at, or from, this peer
    owner edge-team        of this owner; exabgp is nobody's
    family ipv4 unicast    of this family
    match TEXT             with this text in it
`
	case "use", "speaker":
		return "\nuse SPEAKER   what follows is for this speaker; speaker SPEAKER does the same\n"
	case "on":
		return "\non SPEAKER COMMAND   one command for another speaker\n"
	case "recv":
		return "\nrecv on|off   say, or don't say, what the peers announce and withdraw\n"
	case "exit":
		return "\nexit   leave; quit and ^D do the same\n"
	}
	return `
announce ...   announce routes        withdraw ...   withdraw routes
show ...       show routes, peers     use SPEAKER    go to another speaker
on SPEAKER ... one command there      recv on|off    lines of received routes
help COMMAND   more on one            exit           leave
Words may be left unfinished, as in "sh adv"; announce, withdraw, exit and the
names of speakers may not. + is announce, - is withdraw. <Tab> completes, ^R
searches.
`
}
