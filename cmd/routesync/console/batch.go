package console

import (
	"context"
	"errors"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// pending is a line that was given and is to be answered.
type pending struct {
	answer
	number int // of the line
	left   int // commands that are not answered yet
}

// batch is lines that are given to a speaker together.
type batch struct {
	speaker  string
	lines    []*pending
	commands []wire.Command
	of       []place // where the result of each command goes
	results  <-chan wire.Result
	cancel   context.CancelFunc
}

type place struct {
	line  *pending
	index int
}

// add appends a line with its commands, or with the error that it has none.
func (b *batch) add(line string, number int, commands []wire.Command, err error) {
	p := &pending{number: number, left: len(commands), answer: answer{
		line: line, speaker: b.speaker, commands: commands, results: make([]*wire.Result, len(commands)), err: err,
	}}
	b.lines = append(b.lines, p)
	for i := range commands {
		b.of = append(b.of, place{p, i})
	}
	b.commands = append(b.commands, commands...)
}

// give hands the batch to its speaker, who has the time given to answer.
func (b *batch) give(ctx context.Context, backend Backend, timeout time.Duration) {
	ctx, b.cancel = context.WithTimeout(ctx, timeout)
	if len(b.commands) == 0 {
		return
	}
	if ctx.Err() != nil {
		b.fail(errors.New("the console was interrupted before this was given to anybody"))
		return
	}
	results, err := backend.Give(ctx, b.speaker, b.commands)
	if err != nil {
		b.fail(err)
		return
	}
	b.results = results
}

// fail is the answer to all lines that had commands.
func (b *batch) fail(err error) {
	for _, p := range b.lines {
		if p.err == nil {
			p.err, p.left = err, 0
		}
	}
}

// settle calls done for each line, in their order, as soon as it and those
// before it are answered, or no answer will come any more.
func (b *batch) settle(done func(*pending)) {
	defer b.cancel()
	next := 0
	for next < len(b.lines) {
		if b.lines[next].left == 0 || b.results == nil {
			done(b.lines[next])
			next++
			continue
		}
		r, ok := <-b.results
		if !ok {
			b.results = nil
			continue
		}
		if r.Command < 0 || r.Command >= len(b.of) {
			continue
		}
		if at := b.of[r.Command]; at.line.results[at.index] == nil {
			at.line.results[at.index] = &r
			at.line.left--
		}
	}
}

// locateTime is how long an answer waits to be told where a file has a route.
const locateTime = 2 * time.Second

// locator asks where files have the routes that were refused for them. A
// script that is refused ten thousand times is told of the first few.
type locator struct {
	backend Backend
	left    int // questions that it still asks; negative for no limit
}

func (l *locator) locate(ctx context.Context, a *answer) {
	for _, e := range a.effects() {
		if e.Verdict != wire.Refused || e.Owner == "" || state.ByHand(e.Owner) || l.left == 0 {
			continue
		}
		l.left--
		ctx, cancel := context.WithTimeout(ctx, locateTime)
		where, ok := l.backend.Locate(ctx, a.speaker, e.Owner, e.Keys[0], e.Peer)
		cancel()
		if ok {
			if a.places == nil {
				a.places = map[kept]Place{}
			}
			a.places[kept{e.Owner, e.Keys[0]}] = where
		}
	}
}
