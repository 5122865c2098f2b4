//go:build integration

package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

// TestRefusedInput: what exaBGP would answer with silence, or with done and a
// session that resets for ever, is refused with its place, and never sent.
func TestRefusedInput(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("10.0.0.0/24", "10.0.1.0/24, med: 5")
	s.apply()
	s.allSent(2)
	// at is where the fault is shown.
	faults := []struct{ name, route, at, says string }{
		{"IPv6 next hop", "10.1.0.0/24, next-hop: 2001:db8::1", "2001:db8::1", "next-hop"},
		{"IPv4 next hop", "2001:db8:1::/48, next-hop: 192.0.2.1", "192.0.2.1", "next-hop"},
		{"no next hop", "10.1.0.0/24, next-hop: ''", "''", "next-hop"},
		{"med of 33 bits", "10.1.0.0/24, med: 4294967296", "4294967296", "4294967296 is over 4294967295"},
		{"octet", "10.0.300.0/24", "10.0.300.0/24", "10.0.300.0"},
		{"AS of 33 bits", "10.1.0.0/24, as-path: [1, 4294967296]", "4294967296", "4294967296"},
		{"AS of 37 bits", "10.1.0.0/24, as-path: [99999999999]", "99999999999", "99999999999"},
		{"host bits", "10.0.0.1/24", "10.0.0.1/24", "10.0.0.0/24"},
		{"prefix length", "10.0.0.0/33", "10.0.0.0/33", "10.0.0.0/33"},
		{"no prefix length", "10.1.0.0", "10.1.0.0", "10.1.0.0"},
		{"community half", "10.1.0.0/24, community: [1:99999]", "1:99999", "1:99999"},
		{"originator", "10.1.0.0/24, originator-id: 1.2.3.400", "1.2.3.400", "1.2.3.400"},
		{"unknown key", "10.1.0.0/24, metric: 5", "metric", "metric"},
		{"text for exaBGP", "10.1.0.0/24, name: version", "name", "name"},
		{"line break", `10.1.0.0/24, community: ["65000:1\nshutdown"]`, `"65000:1`, "community"},
		{"the same twice", "10.0.0.0/24", "10.0.0.0/24", "given twice"},
	}
	s.sessionsStay(func() {
		s.quiet(s.router, func() {
			for _, f := range faults {
				s.put("10.0.0.0/24", f.route)
				place := fmt.Sprintf("routes.yaml:7:%d: ", strings.Index("  - {prefix: "+f.route, f.at)+1)
				for _, command := range []string{"validate", "plan", "apply --yes"} {
					t.Logf("%s: %s", f.name, command)
					s.expect(1, command, place, f.says)
				}
			}
			t.Log("all at once")
			all, lines := []string{"10.0.0.0/24"}, []string{`"valid": false`}
			for i, f := range faults {
				all, lines = append(all, f.route), append(lines, fmt.Sprintf(`"line": %d,`, 7+i))
			}
			s.put(all...)
			s.expect(1, "validate -o json", lines...)
			s.expect(1, "apply --yes", "routes.yaml:7:", "more")
			s.put("10.0.0.0/24", "10.0.1.0/24, med: 5")
			s.nothingToDo()
		})
	})
}

// TestSavesAsEditorsMakeThem: whole or in pieces, by any way that a file can
// come to have another content; what is no good file changes nothing.
func TestSavesAsEditorsMakeThem(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	text := func(med int) string { return s.file("10.0.0.0/24", fmt.Sprintf("10.0.1.0/24, med: %d", med)) }
	write := func(name, text string) {
		t.Helper()
		s.must(os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644))
	}
	rename := func(from, to string) {
		t.Helper()
		s.must(os.Rename(filepath.Join(s.dir, from), filepath.Join(s.dir, to)))
	}
	link := func(to, name string) {
		t.Helper()
		s.must(os.Symlink(to, filepath.Join(s.dir, name)))
	}
	write("routes.yaml", text(1))
	watch := s.watches("watch")
	s.sees(s.router, "10.0.1.0/24", "1")
	steady := s.held(s.router)
	delete(steady, netip.MustParsePrefix("10.0.1.0/24"))

	for i, save := range []struct {
		name string
		do   func(text string)
	}{
		{"in place", func(text string) { write("routes.yaml", text) }},
		{"in place, in two halves", func(text string) {
			f, err := os.OpenFile(s.stage.file(), os.O_WRONLY|os.O_TRUNC, 0)
			s.must(err)
			half := len(text) - 20
			for _, part := range []string{text[:half], text[half:]} {
				_, err := f.WriteString(part)
				s.must(err)
				s.must(f.Sync())
			}
			s.must(f.Close())
		}},
		{"renamed over it", func(text string) {
			write("routes.yaml.new", text)
			rename("routes.yaml.new", "routes.yaml")
		}},
		{"vim with a backup", func(text string) {
			write(".routes.yaml.swp", "b0VIM 8.2")
			write("4913", "")
			s.must(os.Remove(filepath.Join(s.dir, "4913")))
			rename("routes.yaml", "routes.yaml~")
			write("routes.yaml", text)
			s.must(os.Remove(filepath.Join(s.dir, "routes.yaml~")))
			s.must(os.Remove(filepath.Join(s.dir, ".routes.yaml.swp")))
		}},
		{"emacs with a lock", func(text string) {
			link("user@host.4711", ".#routes.yaml")
			write("#routes.yaml#", text)
			write("routes.yaml", text)
			s.must(os.Remove(filepath.Join(s.dir, "#routes.yaml#")))
			s.must(os.Remove(filepath.Join(s.dir, ".#routes.yaml")))
		}},
		{"removed and made again", func(text string) {
			s.must(os.Remove(s.stage.file()))
			write("routes.yaml", text)
		}},
		{"becomes a mounted volume", func(text string) {
			s.must(os.Mkdir(filepath.Join(s.dir, "..1"), 0o755))
			write("..1/routes.yaml", text)
			link("..1", "..data")
			link("..data/routes.yaml", "routes.yaml.link")
			rename("routes.yaml.link", "routes.yaml")
		}},
		{"the volume is swapped", func(text string) {
			s.must(os.Mkdir(filepath.Join(s.dir, "..2"), 0o755))
			write("..2/routes.yaml", text)
			link("..2", "..data_tmp")
			rename("..data_tmp", "..data")
			s.must(os.RemoveAll(filepath.Join(s.dir, "..1")))
		}},
		{"in place, through the links", func(text string) { write("routes.yaml", text) }},
	} {
		t.Log(save.name)
		med := 100 + i
		s.told(s.router, rig.Counters{Updates: 1}, func() {
			save.do(text(med))
			s.sees(s.router, "10.0.1.0/24", fmt.Sprint(med))
		})
	}

	t.Log("a burst")
	seen := s.during(s.router, func() {
		for i := range 50 {
			s.must(s.save(text(200 + i)))
		}
		s.sees(s.router, "10.0.1.0/24", "249")
	})
	t.Logf("50 saves were %d updates", seen.Updates)
	if seen.Withdraws != 0 {
		t.Errorf("the router saw %+v", seen)
	}

	s.quiet(s.router, func() {
		for _, bad := range []struct{ name, text, says string }{
			{"empty", "", "routes.yaml:1:1: "},
			{"only comments", "# nothing here\n", "routes.yaml:1:1: "},
			{"cut in a line", text(300)[:len(text(300))-30], "routes.yaml:7:"},
			{"no routes", "version: 1\nowner: edge-team\nspeakers: [" + s.name + "]\n", "routes.yaml:1:1: "},
			{"somebody else's", strings.Replace(text(300), owner, "other-team", 1), "the file has another owner now"},
		} {
			t.Log(bad.name)
			before := s.count(watch.Log(), "stays in force") + s.count(watch.Log(), "another owner now")
			s.must(s.save(bad.text))
			s.until(bad.name+" is reported", func() bool {
				return s.count(watch.Log(), "stays in force")+s.count(watch.Log(), "another owner now") > before
			})
			s.says(watch, bad.says)
			s.must(s.save(text(249)))
		}
		s.must(os.Remove(s.stage.file()))
		s.says(watch, "the file can't be read")
	})
	s.must(s.save(text(301)))
	s.sees(s.router, "10.0.1.0/24", "301")
	s.untouched(s.router, steady)
}

// TestStatusOfAFaultyFile: what holds the watch shows, also to who has only the
// faulty file to ask with, and a watch that is started with it is there, and does
// nothing.
func TestStatusOfAFaultyFile(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	s.put("10.0.0.0/24", "10.0.1.0/24")
	watch := s.watches("watch")
	s.says(watch, "converged")
	s.allSent(2)
	held := s.held(s.router)
	s.quiet(s.router, func() {
		s.put("10.0.0.0/24", "10.0.1.1/24")
		holds := func(who, stays string) {
			t.Helper()
			s.until("status says that the watch holds", func() bool {
				r, err := s.routesync(s.ctx, "status")
				s.must(err)
				if r.code != 1 || !strings.Contains(r.stderr, "routes.yaml:7:") {
					t.Fatalf("status ended with %d:\n%s%s", r.code, r.stderr, r.stdout)
				}
				return strings.Contains(r.stdout, "  "+who) && strings.Contains(r.stdout, "    condition faulty-file since ") &&
					strings.Contains(r.stdout, "routes.yaml: the file has faults: routes.yaml:7:") && strings.Contains(r.stdout, stays)
			})
		}
		holds("commander", "the last good one stays in force")
		s.must(watch.Kill(s.ctx))
		watch = s.watches("again")
		holds("standby", "nothing is changed until there is a good one")
	})
	s.untouched(s.router, held)
	s.put("10.0.0.0/24", "10.0.2.0/24")
	s.sees(s.router, "10.0.2.0/24", "")
	s.lacks(s.router, "10.0.1.0/24")
	s.until("nothing holds", func() bool { return !strings.Contains(s.expect(0, "status").stdout, "faulty-file") })
}

// tableLimit is far over what a step with 5,000 routes takes.
const tableLimit = 20 * time.Second

// TestWholeTable: thousands of routes of the real table, all changed by one
// line, and half of them taken out. The router has exactly the set each time.
func TestWholeTable(t *testing.T) {
	t.Parallel()
	s := open(t, setting{})
	routes := table.Sample(4000, 1000)
	text := table.YAML(s.name, routes, "")
	s.must(s.save(text))
	s.told(s.router, rig.Counters{Updates: len(routes)}, func() { s.within(tableLimit, "the first apply of 5,000 routes", s.apply) })
	s.holds(s.router, routes...)

	s.must(s.save(strings.Replace(text, "\nroutes:", "\ndefaults: {med: 70, community: [65000:70]}\nroutes:", 1)))
	s.told(s.router, rig.Counters{Updates: len(routes)}, func() { s.within(tableLimit, "a change of 5,000 routes", s.apply) })
	for p, r := range s.held(s.router) {
		if r.Attributes["BGP.med"] != "70" || r.Attributes["BGP.community"] != "(65000,70)" {
			t.Fatalf("%s has %v", p, r.Attributes)
		}
	}
	s.holds(s.router, routes...)

	var half []netip.Prefix
	for i := 0; i < len(routes); i += 2 {
		half = append(half, routes[i])
	}
	s.must(s.save(strings.Replace(table.YAML(s.name, half, ""), "\nroutes:", "\ndefaults: {med: 70, community: [65000:70]}\nroutes:", 1)))
	s.told(s.router, rig.Counters{Withdraws: len(routes) - len(half)}, func() {
		s.within(tableLimit, "the withdrawal of 2,500 routes", s.apply)
	})
	s.holds(s.router, half...)
}
