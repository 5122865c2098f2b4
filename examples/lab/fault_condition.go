package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// conditionPatience bounds the wait for a condition to show, or to be over.
	conditionPatience = 40 * time.Second
	// statusLimit is how long status may take whatever is wrong.
	statusLimit = 6 * time.Second
)

// named is a condition as status -o json has it.
type named struct{ Speaker, Name, Since, Text, Do string }

// statusOf is what status says of the conditions, with its exit code and how
// long it took.
type statusOf struct {
	code int
	took time.Duration
	all  []named
}

func (s *statusOf) find(name string) *named {
	i := slices.IndexFunc(s.all, func(n named) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &s.all[i]
}

// status asks routesync status.
func (g *ground) status(ctx context.Context) (*statusOf, error) {
	begun := time.Now()
	r, err := g.routesync(ctx, "status", "-o", "json", "--timeout", "4s", "--speaker", g.name)
	if err != nil {
		return nil, err
	}
	s := &statusOf{code: r.code, took: time.Since(begun)}
	var report struct {
		Conditions []named
		Speakers   []struct {
			Conditions []named
			Leases     []struct{ Conditions []named }
		}
	}
	if r.stdout != "" {
		if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
			return nil, fmt.Errorf("routesync status -o json: %w\n%s%s", err, r.stdout, r.stderr)
		}
	}
	s.all = report.Conditions
	for _, x := range report.Speakers {
		s.all = append(s.all, x.Conditions...)
		for _, l := range x.Leases {
			s.all = append(s.all, l.Conditions...)
		}
	}
	return s, nil
}

// shows waits until status names a condition, with texts in what it says about
// it, and with an exit code.
func (g *ground) shows(ctx context.Context, code int, name string, texts ...string) error {
	return g.statusIs(ctx, fmt.Sprintf("exit code %d and %s with %q", code, name, texts), func(s *statusOf) bool {
		c := s.find(name)
		if c == nil || s.code != code {
			return false
		}
		for _, text := range texts {
			if !strings.Contains(c.Text+" "+c.Do, text) {
				return false
			}
		}
		return true
	})
}

// showsNo waits until status names none of the conditions any more.
func (g *ground) showsNo(ctx context.Context, names ...string) error {
	return g.statusIs(ctx, fmt.Sprintf("none of %q", names), func(s *statusOf) bool {
		return s.code == 0 && !slices.ContainsFunc(names, func(name string) bool { return s.find(name) != nil })
	})
}

func (g *ground) statusIs(ctx context.Context, what string, is func(*statusOf) bool) error {
	bounded, cancel := context.WithTimeout(ctx, conditionPatience)
	defer cancel()
	for {
		s, err := g.status(ctx)
		if err != nil {
			return err
		}
		if s.took > statusLimit {
			return fmt.Errorf("status took %v: %+v", s.took.Round(time.Millisecond), s.all)
		}
		if is(s) {
			return nil
		}
		if wait(bounded, planEvery) != nil {
			return errors.Join(fmt.Errorf("status does not say %s, but ends with %d: %+v", what, s.code, s.all), ctx.Err())
		}
	}
}

// logs waits until the commanding watch has logged a text.
func (g *ground) logs(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, conditionPatience)
	defer cancel()
	return g.watches[0].WaitWrote(ctx, text)
}

// logged is how often it has logged any of some texts, or exaBGP and its bridge have.
func (g *ground) logged(texts ...string) (int, error) {
	n := 0
	for _, path := range []string{g.watches[0].Log(), g.speaker.Log()} {
		log, err := os.ReadFile(path)
		if err != nil {
			return 0, fmt.Errorf("read a log: %w", err)
		}
		for _, text := range texts {
			n += strings.Count(string(log), text)
		}
	}
	return n, nil
}

// logsMore waits until they have logged the texts more often than that.
func (g *ground) logsMore(ctx context.Context, than int, texts ...string) error {
	ctx, cancel := context.WithTimeout(ctx, conditionPatience)
	defer cancel()
	for {
		n, err := g.logged(texts...)
		if err != nil || n > than {
			return err
		}
		if err := wait(ctx, planEvery); err != nil {
			return fmt.Errorf("nobody logs any of %q once more: %w", texts, err)
		}
	}
}
