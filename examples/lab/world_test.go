//go:build integration

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/exabgp"
	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

const (
	owner = "edge-team"
	// patience bounds one test, a few seconds of which are the start of its parts. The
	// longest take half a minute where nothing else runs.
	patience = 3 * time.Minute
	// askEvery is how often something is asked that tells nobody.
	askEvery = 20 * time.Millisecond
)

// world is what all tests share.
type world struct {
	dir    string // everything of every lab is below it
	broker *rig.Broker
	binary string
	// exabgp is the command of another exaBGP than the installed one, and
	// dialect what it speaks.
	exabgp  []string
	dialect exabgp.Dialect
}

var shared world

func TestMain(m *testing.M) {
	rig.KeeperMain()
	// A round of the property test takes a second or two. The command line may
	// ask for other numbers.
	for name, value := range map[string]string{"rapid.checks": "12", "rapid.shrinktime": "20s", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	code, err := shared.around(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// around runs the tests inside the world, and looks afterwards whether
// something of it still lives.
func (w *world) around(tests func() int) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := rig.Install(ctx, nil, append(parts(), rig.Python, rig.Pika, rig.Tmux)...); err != nil {
		return 1, err
	}
	if w.dir, err = os.MkdirTemp("", "rs-tests-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(w.dir)) }()
	lab, err := rig.New(ctx, rig.Options{Dir: w.dir})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, lab.Close(), w.nothingLives()) }()
	if w.binary, err = build(ctx, w.dir); err != nil {
		return 1, err
	}
	if w.exabgp = strings.Fields(os.Getenv(otherExaBGP)); len(w.exabgp) > 0 {
		release, err := releaseOf(ctx, w.exabgp)
		if err != nil {
			return 1, err
		}
		w.dialect = exabgp.DialectOf(release)
	}
	if w.broker, err = lab.Broker(ctx); err != nil {
		return 1, err
	}
	return tests(), nil
}

// nothingLives is an error that names the processes which still have to do with
// the folder of the tests.
func (w *world) nothingLives() error {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	var alive []string
	for _, p := range processes {
		if p == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		// What can't be read has ended meanwhile, or is somebody else's.
		command, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		environment, _ := os.ReadFile(filepath.Join(p, "environ"))
		folder, _ := os.Readlink(filepath.Join(p, "cwd"))
		if strings.Contains(string(command)+string(environment)+folder, w.dir) {
			alive = append(alive, fmt.Sprintf("%s: %s", filepath.Base(p), strings.ReplaceAll(string(command), "\x00", " ")))
		}
	}
	if len(alive) > 0 {
		return fmt.Errorf("still alive after the tests:\n%s", strings.Join(alive, "\n"))
	}
	return nil
}

// setting is what one test wants to be different.
type setting struct {
	routers   []rig.RouterOptions         // one with an eBGP session by default
	others    func(*scene) []rig.Neighbor // starts peers of another kind
	neighbors func([]rig.Neighbor)
	speaker   func(*rig.SpeakerOptions)
	silent    bool // the configuration is one of exaBGP 3.4
	unseen    bool // status can't tell of the sessions: of broker, bridge and configuration, one does not let it
}

// router is a router at 127.0.0.N.
func router(n byte, as uint32) rig.RouterOptions {
	o := rig.RouterOptions{Name: fmt.Sprintf("r%d", n), Address: netip.AddrFrom4([4]byte{127, 0, 0, n}), AS: as, PeerAS: speakerAS}
	if shared.sixth() {
		o.PeerExtra = "graceful restart off;" // with it comes an end-of-RIB, at which exaBGP resets the session
	}
	return o
}

// scene is a test's own speaker, routers and work folder at the shared broker.
type scene struct {
	*stage
	t        *testing.T
	ctx      context.Context
	name     string // of the speaker
	routers  []*rig.Router
	programs []*rig.Program
}

// open starts the parts of a test, and waits until the sessions are up.
func open(t *testing.T, set setting) *scene {
	t.Helper()
	if set.silent == shared.dialect.Answers() {
		t.Skip("for another release of exaBGP")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	lab, err := rig.New(ctx, rig.Options{Dir: shared.dir})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{
		stage: &stage{lab: lab, broker: shared.broker, binary: shared.binary, dir: filepath.Join(lab.Dir(), "work")},
		t:     t, ctx: ctx, name: strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-")),
	}
	t.Cleanup(s.close)
	s.must(os.Mkdir(s.dir, 0o755))
	if set.routers == nil {
		set.routers = []rig.RouterOptions{router(2, routerAS)}
	}
	options := rig.SpeakerOptions{
		Name: s.name, LocalAS: speakerAS, ExaBGP: shared.exabgp,
		Run: []string{s.binary, "bridge", "--speaker", s.name, "--amqp", s.broker.URL, "--state", filepath.Join(lab.Dir(), "state")},
	}
	for _, o := range set.routers {
		r, err := lab.Router(ctx, o)
		s.must(err)
		s.routers = append(s.routers, r)
		options.Neighbors = append(options.Neighbors, r.Neighbor())
	}
	if len(s.routers) > 0 {
		s.router = s.routers[0]
	}
	if set.others != nil {
		options.Neighbors = append(options.Neighbors, set.others(s)...)
	}
	if set.neighbors != nil {
		set.neighbors(options.Neighbors)
	}
	if set.speaker != nil {
		set.speaker(&options)
	}
	s.stage.speaker, err = lab.Speaker(ctx, options)
	s.must(err)
	for _, r := range s.routers {
		s.must(r.WaitEstablished(ctx))
	}
	if !set.silent && !set.unseen {
		s.until("the bridge has the sessions too", s.sessionsAreSeen)
	}
	return s
}

// sessionsAreSeen tells whether status has every router up.
func (s *scene) sessionsAreSeen() bool {
	s.t.Helper()
	up := 0
	for _, p := range s.peers() {
		if p.Up && slices.ContainsFunc(s.routers, func(r *rig.Router) bool { return r.Address == p.Address }) {
			up++
		}
	}
	return up == len(s.routers)
}

// peerReport is a peer as status -o json has it.
type peerReport struct {
	Address netip.Addr
	Up      bool
	Grades  map[string]int
}

// peers is what status has of them; nil if the bridge does not answer.
func (s *scene) peers() []peerReport {
	s.t.Helper()
	r, err := s.routesync(s.ctx, "status", "-o", "json", "--speaker", s.name)
	s.must(err)
	if r.code != 0 {
		return nil
	}
	var report struct {
		Speakers []struct{ Peers []peerReport }
	}
	s.must(json.Unmarshal([]byte(r.stdout), &report))
	return report.Speakers[0].Peers
}

// close stops the parts, and shows what they logged if the test failed.
func (s *scene) close() {
	if s.t.Failed() {
		if s.stage.speaker != nil {
			s.show("exaBGP and bridge", s.stage.speaker.Log())
		}
		for _, p := range s.programs {
			s.show(p.Name, p.Log())
		}
		logs, _ := filepath.Glob(filepath.Join(s.broker.Dir(), "log", "*.log")) // the pattern is a good one
		for _, log := range logs {
			s.show("the broker", log)
		}
	}
	if err := s.lab.Close(); err != nil {
		s.t.Error(err)
	}
}

func (s *scene) show(name, path string) {
	const last = 6000
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Log(err)
	}
	s.t.Logf("%s logged:\n%s", name, text[max(0, len(text)-last):])
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// file is a routes.yaml. A route is what stands in its braces; without a next
// hop it has one of its family.
func (s *scene) file(routes ...string) string { return file(owner, s.name, routes...) }

func file(owner, speaker string, routes ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nowner: %s\nspeakers: [%s]\n%sroutes:", owner, speaker, table.Unguarded)
	if len(routes) == 0 {
		b.WriteString(" []")
	}
	for _, r := range routes {
		switch {
		case strings.Contains(r, "next-hop"):
		case strings.HasPrefix(r, "2001:"):
			r += ", next-hop: 2001:db8::1"
		default:
			r += ", next-hop: 192.0.2.1"
		}
		fmt.Fprintf(&b, "\n  - {prefix: %s}", r)
	}
	b.WriteByte('\n')
	return b.String()
}

// put saves a file with these routes.
func (s *scene) put(routes ...string) {
	s.t.Helper()
	s.must(s.save(s.file(routes...)))
}

// expect runs a command, and expects an exit code and texts in what it prints.
func (s *scene) expect(code int, command string, texts ...string) result {
	s.t.Helper()
	r, err := s.routesync(s.ctx, strings.Fields(command)...)
	s.must(err)
	if r.code != code {
		s.t.Fatalf("routesync %s ended with %d, not %d:\n%s%s", command, r.code, code, r.stderr, r.stdout)
	}
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			s.t.Fatalf("routesync %s does not say %q:\n%s%s", command, text, r.stderr, r.stdout)
		}
	}
	return r
}

// killBroker kills the broker once the speaker's queue outlives that.
func (s *scene) killBroker() {
	s.t.Helper()
	s.until("the broker keeps the queue", func() bool {
		kept, err := s.broker.Keeps("rs.cmd." + s.name)
		s.must(err)
		return kept
	})
	s.must(s.broker.Kill(s.ctx))
}

// apply applies the file, and then finds nothing to do.
func (s *scene) apply() {
	s.t.Helper()
	s.expect(0, "apply --yes --wait sent --timeout 30s")
	s.nothingToDo()
}

func (s *scene) nothingToDo() {
	s.t.Helper()
	s.expect(0, "plan --detailed-exitcode", "No changes.")
}

// watches starts routesync watch.
func (s *scene) watches(name string, args ...string) *rig.Program {
	s.t.Helper()
	p, err := s.lab.Program(s.ctx, name, s.dir, s.env(), append([]string{s.binary, "watch"}, args...)...)
	s.must(err)
	s.programs = append(s.programs, p)
	return p
}

// says waits until a program has printed a text.
func (s *scene) says(p *rig.Program, text string) {
	s.t.Helper()
	s.must(p.WaitWrote(s.ctx, text))
}

// sees waits until a router holds a prefix with a MED, "" for none.
func (s *scene) sees(r *rig.Router, prefix, med string) {
	s.t.Helper()
	s.must(r.WaitRoute(s.ctx, netip.MustParsePrefix(prefix), func(r *rig.Route) bool {
		return r != nil && r.Attributes["BGP.med"] == med
	}))
}

// lacks waits until a router does not hold a prefix.
func (s *scene) lacks(r *rig.Router, prefix string) {
	s.t.Helper()
	s.must(r.WaitRoute(s.ctx, netip.MustParsePrefix(prefix), func(r *rig.Route) bool { return r == nil }))
}

// held is all that a router holds.
func (s *scene) held(r *rig.Router) map[netip.Prefix]rig.Route {
	s.t.Helper()
	routes, err := r.Routes(s.ctx)
	s.must(err)
	all := make(map[netip.Prefix]rig.Route, len(routes))
	for _, route := range routes {
		all[route.Prefix] = route
	}
	return all
}

// holds compares what a router holds with a list.
func (s *scene) holds(r *rig.Router, prefixes ...netip.Prefix) {
	s.t.Helper()
	held := s.held(r)
	for _, p := range prefixes {
		if _, ok := held[p]; !ok {
			s.t.Fatalf("router %s does not hold %s", r.Name, p)
		}
	}
	if len(held) != len(prefixes) {
		s.t.Fatalf("router %s holds %d routes, not %d", r.Name, len(held), len(prefixes))
	}
}

// untouched fails if the router touched one of the routes that it held.
func (s *scene) untouched(r *rig.Router, before map[netip.Prefix]rig.Route) {
	s.t.Helper()
	now := s.held(r)
	for p, old := range before {
		if route, ok := now[p]; !ok || !route.SameInstant(old) {
			s.t.Errorf("router %s: %s moved: was %v, is %v (held: %t)", r.Name, p, old.Since, route.Since, ok)
		}
	}
}

// during is what a router was told while f ran.
func (s *scene) during(r *rig.Router, f func()) rig.Counters {
	s.t.Helper()
	before, err := r.Updates(s.ctx)
	s.must(err)
	f()
	after, err := r.Updates(s.ctx)
	s.must(err)
	return after.Sub(before)
}

// told fails if a router is told something else while f runs, or right after:
// "sent" is confirmed before the bytes are on their way.
func (s *scene) told(r *rig.Router, want rig.Counters, f func()) {
	s.t.Helper()
	before, err := r.Updates(s.ctx)
	s.must(err)
	f()
	var seen rig.Counters
	s.until(fmt.Sprintf("router %s has seen as much as %+v", r.Name, want), func() bool {
		now, err := r.Updates(s.ctx)
		s.must(err)
		seen = now.Sub(before)
		return seen.Updates >= want.Updates && seen.Withdraws >= want.Withdraws
	})
	if seen != want {
		s.t.Errorf("router %s saw %+v, not %+v", r.Name, seen, want)
	}
}

// quiet fails if a router was told something while f ran.
func (s *scene) quiet(r *rig.Router, f func()) {
	s.t.Helper()
	s.told(r, rig.Counters{}, f)
}

// withoutWithdraw fails if something was withdrawn from a router while f ran.
func (s *scene) withoutWithdraw(r *rig.Router, f func()) {
	s.t.Helper()
	if seen := s.during(r, f); seen.Withdraws != 0 {
		s.t.Errorf("router %s saw %d withdraws", r.Name, seen.Withdraws)
	}
}

// within fails if f takes longer than it may.
func (s *scene) within(limit time.Duration, what string, f func()) {
	s.t.Helper()
	begun := time.Now()
	f()
	took := time.Since(begun)
	s.t.Logf("%s took %v", what, took.Round(time.Millisecond))
	if took > limit {
		s.t.Errorf("%s took %v, and may take %v", what, took, limit)
	}
}

// until asks until something is so.
func (s *scene) until(what string, done func() bool) {
	s.t.Helper()
	beat := time.NewTicker(askEvery)
	defer beat.Stop()
	for !done() {
		select {
		case <-s.ctx.Done():
			s.t.Fatalf("not so: %s: %v", what, s.ctx.Err())
		case <-beat.C:
		}
	}
}

// count is how often a text stands in a log.
func (s *scene) count(path, text string) int {
	s.t.Helper()
	log, err := os.ReadFile(path)
	s.must(err)
	return strings.Count(string(log), text)
}

// sessionSince is when a router's session came up.
func (s *scene) sessionSince(r *rig.Router) time.Time {
	s.t.Helper()
	text, err := r.Show(s.ctx, "protocols", r.Name)
	s.must(err)
	words := strings.Fields(text[strings.LastIndex(text, r.Name):])
	if len(words) < 7 || words[6] != "Established" {
		s.t.Fatalf("router %s has no session:\n%s", r.Name, text)
	}
	since, err := time.Parse("2006-01-02 15:04:05.999999", words[4]+" "+words[5])
	s.must(err)
	return since
}

// sessionsStay fails if a session was reset while f ran.
func (s *scene) sessionsStay(f func()) {
	s.t.Helper()
	before := map[*rig.Router]time.Time{}
	for _, r := range s.routers {
		before[r] = s.sessionSince(r)
	}
	f()
	for _, r := range s.routers {
		if now := s.sessionSince(r); now.Sub(before[r]).Abs() > time.Millisecond {
			s.t.Errorf("the session of router %s was reset: up since %v, before since %v", r.Name, now, before[r])
		}
	}
}

// prefixes are 10.0.0.0/24 and those behind it.
func prefixes(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("10.%d.%d.0/24", i>>8, i&255)
	}
	return all
}

// sixth tells whether the exaBGP is the unreleased 6.0.
func (w *world) sixth() bool { return strings.HasPrefix(w.dialect.Release, "6.") }

// readsFlows tells whether what exaBGP reports of a flow can be read: 5.0 has
// names of ports in it, and no word for not-a-fragment.
func (w *world) readsFlows() bool { return !strings.HasPrefix(w.dialect.Release, "5.") }
