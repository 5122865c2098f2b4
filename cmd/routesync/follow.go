package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/rabbit"
)

// following is a command that follows speakers until it is interrupted.
type following struct {
	cfg      rabbit.Config
	log      *slog.Logger
	speakers []string
	what     bridge.Follow
	filter   receivedFilter
	first    bool // the routes of the first table are shown
	out      *followWriter
}

// run follows all speakers, each over sessions of its own: what one of them has
// to tell must not wait for the other.
func (f *following) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, speaker := range f.speakers {
		g.Go(func() error { return f.follow(ctx, speaker) })
	}
	return g.Wait()
}

func (f *following) follow(ctx context.Context, speaker string) error {
	var before *bridge.Follower
	var broken error // of stdout: there is nobody left to tell
	err := rabbit.New(f.cfg, f.log.With("speaker", speaker)).Run(ctx, func(ctx context.Context, s *rabbit.Session) error {
		now := bridge.NewFollower(s, speaker, f.what, before, f.log)
		if err := now.Open(ctx); err != nil {
			return err
		}
		first := f.first && before.Table() == nil
		before = now
		for {
			n, err := now.Next(ctx, nil)
			if err != nil {
				return err
			}
			var lines []followed
			if n.Table && first {
				first, lines = false, followedTable(speaker, now.Table(), f.filter)
				for _, a := range f.filter.strangers([]*bridge.ReceivedTable{now.Table()}) {
					f.log.Warn("there is no such peer now", "speaker", speaker, "peer", a)
				}
			}
			lines = append(lines, followedNotice(speaker, time.Now(), n, now.Table(), f.what, f.filter)...)
			if broken = f.out.write(lines); broken != nil {
				return rabbit.ErrStop
			}
		}
	})
	if broken != nil {
		return fmt.Errorf("write: %w", broken)
	}
	return err
}

// followWriter writes lines of several speakers.
type followWriter struct {
	mu             sync.Mutex
	stdout, stderr io.Writer
	json           bool
	tags           bool // lines begin with the time and what they are about
	several        bool // speakers, so they are named
}

func (w *followWriter) write(lines []followed) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := bufio.NewWriter(w.stdout)
	if w.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		for i := range lines {
			if err := enc.Encode(&lines[i]); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	for i := range lines {
		line := w.text(&lines[i]) + "\n"
		if !lines[i].notice() {
			if _, err := out.WriteString(line); err != nil {
				return err
			}
			continue
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if _, err := io.WriteString(w.stderr, line); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (w *followWriter) text(f *followed) string {
	var words []string
	if w.tags {
		if f.At != "" {
			words = append(words, f.At)
		}
		words = append(words, f.tag())
	}
	if w.several || f.notice() {
		words = append(words, f.Speaker+":")
	}
	return strings.Join(append(words, f.text()), " ")
}
