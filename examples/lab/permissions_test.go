//go:build integration

package main

import (
	"fmt"
	"strings"
	"testing"

	"routesync/examples/lab/rig"
)

// permissions are what a user may configure, write and read.
type permissions [3]string

// The least that each needs, for a speaker whose name has nothing in it that means
// something in a regular expression.
func bridgeNeeds(speaker string) permissions {
	return permissions{
		`^(rs\.(cmd|evt|dlx|dead)|rs\.(cmd|rpc)\.` + speaker + `)$`,
		`^(rs\.(evt|dlx|dead)|rs\.(cmd|rpc)\.` + speaker + `|amq\.default)$`,
		`^(rs\.(cmd|dlx)|rs\.(cmd|rpc)\.` + speaker + `)$`,
	}
}

func commanderNeeds() permissions {
	return permissions{`^(amq\.gen-.*|rs\.lock\..*)$`, `^(amq\.gen-.*|amq\.default|rs\.cmd)$`, `^(amq\.gen-.*|rs\.evt)$`}
}

func operatorNeeds() permissions {
	return permissions{`^amq\.gen-.*$`, `^(amq\.gen-.*|amq\.default|rs\.cmd)$`, `^(amq\.gen-.*|rs\.evt)$`}
}

func readerNeeds() permissions {
	return permissions{`^amq\.gen-.*$`, `^(amq\.gen-.*|amq\.default)$`, `^(amq\.gen-.*|rs\.evt)$`}
}

// guarded is a scene in a vhost of its own, with a user for each role.
type guarded struct {
	*scene
	test  *testing.T
	vhost string
	watch *rig.Program
}

func openGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{test: t, vhost: "guarded-" + strings.ToLower(t.Name())}
	ctl := func(args ...string) {
		t.Helper()
		if _, err := shared.broker.Ctl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	ctl("add_vhost", g.vhost)
	for _, user := range []string{"bridge", "commander", "operator", "reader"} {
		ctl("add_user", g.user(user), "secret")
	}
	name := strings.ToLower(strings.TrimPrefix(t.Name(), "Test"))
	g.grant("bridge", bridgeNeeds(name))
	g.grant("commander", commanderNeeds())
	g.grant("operator", operatorNeeds())
	g.grant("reader", readerNeeds())
	g.scene = open(t, setting{unseen: true, speaker: func(o *rig.SpeakerOptions) {
		for i, arg := range o.Run {
			if arg == "--amqp" {
				o.Run[i+1] = g.url("bridge")
			}
		}
	}})
	if g.name != name {
		t.Fatalf("the speaker is %s, not %s", g.name, name)
	}
	g.until("the bridge is there", func() bool { return g.look().code == 0 })
	g.put("10.0.0.0/24, med: 1")
	g.watch = g.watches("watch", "--amqp", g.url("commander"))
	g.sees(g.router, "10.0.0.0/24", "1")
	return g
}

func (g *guarded) user(role string) string { return g.vhost + "-" + role }

func (g *guarded) url(role string) string {
	return fmt.Sprintf("amqp://%s:secret@%s/%s", g.user(role), shared.broker.Address, g.vhost)
}

func (g *guarded) grant(role string, p permissions) {
	g.test.Helper()
	if _, err := shared.broker.Ctl(g.test.Context(), "set_permissions", "-p", g.vhost, g.user(role), p[0], p[1], p[2]); err != nil {
		g.test.Fatal(err)
	}
}

// look is status as the reader sees it.
func (g *guarded) look() result {
	r, err := g.routesync(g.ctx, "status", "--timeout", "20s", "--amqp", g.url("reader"), "--speaker", g.name)
	g.must(err)
	return r
}

// afresh ends all connections: permissions are cached in them.
func (g *guarded) afresh() {
	g.t.Helper()
	_, err := shared.broker.Ctl(g.ctx, "close_all_connections", "--vhost", g.vhost, "permissions changed")
	g.must(err)
}

// lacking is a role that has less than it needs.
type lacking struct {
	role   string
	left   permissions
	status bool   // status says so; else the log of who can't be reached without it
	lacks  string // what it is said to lack
}

// TestPermissionsOfBridge runs each role with exactly what it needs, takes one
// permission of the bridge away after the other, and finds which it was. Not one
// route moves.
func TestPermissionsOfBridge(t *testing.T) {
	t.Parallel()
	g := openGuarded(t)
	all := bridgeNeeds(g.name)
	g.without(
		lacking{"bridge", permissions{all[0], all[1], `^rs\.(cmd|dlx|cmd\.` + g.name + `)$`}, false, "read for queue 'rs.rpc." + g.name + "'"},
		lacking{"bridge", permissions{"", all[1], all[2]}, false, "configure for queue 'rs.rpc." + g.name + "'"},
		lacking{"bridge", permissions{all[0], strings.Replace(all[1], "evt|", "", 1), all[2]}, false, "write for exchange 'rs.evt'"},
		lacking{"bridge", permissions{all[0], strings.Replace(all[1], "(cmd|rpc)", "cmd", 1), all[2]}, true, "write for queue 'rs.rpc." + g.name + "'"},
		lacking{"bridge", permissions{all[0], all[1], `^rs\.(cmd|dlx|rpc\.` + g.name + `)$`}, true, "read for queue 'rs.cmd." + g.name + "'"},
	)
}

// TestPermissionsOfOthers is the same of who commands, and of who looks.
func TestPermissionsOfOthers(t *testing.T) {
	t.Parallel()
	g := openGuarded(t)
	commander, reader := commanderNeeds(), readerNeeds()
	g.without(
		lacking{"commander", permissions{reader[0], commander[1], commander[2]}, false, "configure for queue 'rs.lock."},
		lacking{"commander", permissions{commander[0], reader[1], commander[2]}, true, "write for exchange 'rs.cmd'"},
		lacking{"reader", permissions{"", reader[1], reader[2]}, true, "configure for queue 'amq.gen-"},
		lacking{"reader", permissions{reader[0], `^amq\.gen-.*$`, reader[2]}, true, "write for exchange 'amq.default'"},
		lacking{"reader", permissions{reader[0], reader[1], `^amq\.gen-.*$`}, true, "read for exchange 'rs.evt'"},
	)
}

// without takes permissions away, one after the other, and gives them back.
func (g *guarded) without(cases ...lacking) {
	g.t.Helper()
	needs := map[string]permissions{"bridge": bridgeNeeds(g.name), "commander": commanderNeeds(), "operator": operatorNeeds(), "reader": readerNeeds()}
	before := g.held(g.router)
	logged := func(text string) int { return g.count(g.stage.speaker.Log(), text) + g.count(g.watch.Log(), text) }
	for i, x := range cases {
		med := fmt.Sprint(10 + i)
		seen := logged(x.lacks)
		g.grant(x.role, x.left)
		g.afresh()
		g.put("10.0.0.0/24, med: 1", "10.0.1.0/24, med: "+med)
		text := "user " + g.user(x.role) + " lacks the permission " + x.lacks
		command := "rabbitmqctl set_permissions -p " + g.vhost + " " + g.user(x.role)
		g.until(text, func() bool {
			if !x.status {
				return logged(text) > seen && logged(command) > 0
			}
			r := g.look()
			return strings.Contains(r.stdout+r.stderr, text) && strings.Contains(r.stdout+r.stderr, command)
		})
		g.grant(x.role, needs[x.role])
		g.afresh()
		g.sees(g.router, "10.0.1.0/24", med)
	}
	g.until("nothing is wrong any more", func() bool {
		r := g.look()
		return r.code == 0 && !strings.Contains(r.stdout, "condition")
	})
	g.untouched(g.router, before)
}

// TestUserGone: the password is changed, the user deleted and the vhost gone while
// all runs; each has a name, and all goes on when it is mended.
func TestUserGone(t *testing.T) {
	t.Parallel()
	g := openGuarded(t)
	before := g.held(g.router)
	ctl := func(args ...string) {
		t.Helper()
		_, err := shared.broker.Ctl(g.ctx, args...)
		g.must(err)
	}
	reader := g.user("reader")
	for i, tt := range []struct {
		name       string
		breaks     func()
		mends      func()
		says, does string
	}{{
		"password", func() { ctl("change_password", reader, "another") }, func() { ctl("change_password", reader, "secret") },
		"broker: login: ", "rabbitmqctl change_password",
	}, {
		"permissions", func() { ctl("clear_permissions", "-p", g.vhost, reader) }, func() { g.grant("reader", readerNeeds()) },
		"broker: denied: ", "rabbitmqctl set_permissions",
	}, {
		"user", func() { ctl("delete_user", reader) }, func() { ctl("add_user", reader, "secret"); g.grant("reader", readerNeeds()) },
		"broker: login: ", "rabbitmqctl add_user",
	}, {
		"limit", func() { ctl("set_vhost_limits", "-p", g.vhost, `{"max-connections":0}`) }, func() { ctl("clear_vhost_limits", "-p", g.vhost) },
		"broker: limit: ", "set_vhost_limits",
	}, {
		"vhost", func() { ctl("delete_vhost", g.vhost) }, func() {
			ctl("add_vhost", g.vhost)
			g.grant("bridge", bridgeNeeds(g.name))
			g.grant("commander", commanderNeeds())
			g.grant("reader", readerNeeds())
		},
		"broker: no-vhost: ", "rabbitmqctl add_vhost",
	}} {
		tt.breaks()
		g.within(10e9, tt.name, func() {
			if r := g.look(); r.code != 1 || !strings.Contains(r.stderr, tt.says) || !strings.Contains(r.stderr, tt.does) {
				t.Errorf("%s: status ends with %d:\n%s%s", tt.name, r.code, r.stderr, r.stdout)
			}
		})
		tt.mends()
		med := fmt.Sprint(10 + i)
		g.put("10.0.0.0/24, med: 1", "10.0.1.0/24, med: "+med)
		g.sees(g.router, "10.0.1.0/24", med)
	}
	g.until("status is back", func() bool { return g.look().code == 0 })
	g.untouched(g.router, before)
}
