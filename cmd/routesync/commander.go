package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/user"
	"slices"
	"time"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// holderPatience is how long the name of a commander is worth waiting for.
const holderPatience = 2 * time.Second

// commander is this process as others are told of it.
func commander(verb string) wire.Commander {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	c := wire.Commander{ID: rand.Text(), Host: host, PID: os.Getpid(), Verb: verb}
	if who, err := user.Current(); err == nil {
		c.User = who.Username
	}
	return c
}

func lockName(speaker, owner string) string { return speaker + "." + owner }

// lockedBy is the error of a speaker that somebody else commands.
func lockedBy(ctx context.Context, s *rabbit.Session, speaker, owner string, o observer) error {
	who := "somebody else"
	holder, ok := holderOf(ctx, s, speaker, owner, o)
	if ok {
		who = holder.String()
	}
	return hinted(fmt.Errorf("%s is commanded by %s for owner %s", speaker, who, owner), yieldHint(holder.Verb, speaker, owner))
}

// yieldHint is how one gets past who commands a speaker by a verb; "" is not known.
func yieldHint(verb, speaker, owner string) string {
	watch := fmt.Sprintf("save the file it watches, have it stand by with routesync pause --speaker %s --owner %s --reason WHY, or stop it", speaker, owner)
	switch verb {
	case "":
		return "if it is a watch, " + watch
	case "watch":
		return watch
	}
	return "it is not done yet: try again when it is"
}

// holderOf asks the bridge who holds the lease of an owner.
func holderOf(ctx context.Context, s *rabbit.Session, speaker, owner string, o observer) (wire.Commander, bool) {
	ctx, cancel := context.WithTimeout(ctx, holderPatience)
	defer cancel()
	seen, err := observe(ctx, speaker, bridge.NewReader(s, speaker, o.log))
	if err != nil {
		return wire.Commander{}, false
	}
	leases := seen.about.Leases
	i := slices.IndexFunc(leases, func(l wire.Lease) bool { return l.Owner == owner })
	if i < 0 {
		return wire.Commander{}, false
	}
	return leases[i].Holder, true
}
