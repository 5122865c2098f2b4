package console

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// batchCommands is how many commands are given together at most.
	batchCommands = 256
	// window is how many batches wait for their answers at most.
	window = 8
	// scriptPlaces is how many refused routes are looked up in files.
	scriptPlaces = 20
)

// Options are what both ways to use the console have in common.
type Options struct {
	Timeout time.Duration // for the answer to a command
	Recv    bool          // say what comes by itself
}

// Script runs commands that nobody types: a line each, and a line of result
// each, in their order.
type Script struct {
	Options
	Backend  Backend
	Name     string // of the source, for messages
	Strict   bool   // give nothing if one line is wrong
	Out, Err io.Writer
}

// scriptRun is one run of a script.
type scriptRun struct {
	Script
	current string // speaker
	out     *lines
	batch   *batch
	queue   chan step
	wrong   bool // a line was no command
	place   locator
	recv    atomic.Bool
	// status is the worst of the answers; the goroutine that prints them has it.
	status Status
}

// step is one thing to wait for and to print.
type step struct {
	batch *batch
	said  chan struct{} // instead of a batch: closed when all before it is printed
}

// Run reads the lines of in to their end, carries them out, and returns how it
// went. An error is one of the streams', or that ctx ended. A read that in is
// blocked in may outlive it.
func (s Script) Run(ctx context.Context, in io.Reader) (Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan chunk)
	go readChunks(ctx, in, chunks)
	if !s.Strict {
		return s.run(ctx, chunks)
	}
	whole := chunk{first: 1}
	for c := range chunks {
		whole.take(c)
	}
	return s.runWhole(ctx, whole)
}

// RunCommands does the same for lines that are there.
func (s Script) RunCommands(ctx context.Context, lines []string) (Status, error) {
	return s.runWhole(ctx, chunk{first: 1, lines: lines})
}

func (s Script) runWhole(ctx context.Context, whole chunk) (Status, error) {
	switch {
	case ctx.Err() != nil:
		return Refused, ctx.Err()
	case s.Strict && whole.err != nil:
		return Refused, whole.err
	case s.Strict && s.check(whole):
		fmt.Fprintf(s.Err, "%s: nothing is given to anybody, because of --strict\n", s.Name) // as in faults
		return Refused, nil
	}
	chunks := make(chan chunk, 1)
	chunks <- whole
	close(chunks)
	return s.run(ctx, chunks)
}

// check says what is wrong with the lines, and whether anything is.
func (s Script) check(whole chunk) (wrong bool) {
	r := &scriptRun{Script: s, current: s.Backend.Speakers()[0]}
	for i, line := range whole.lines {
		if whole.long[i] {
			r.faults(i+1, tooLong())
		}
		if comment(line) {
			continue
		}
		stmt, faults := read(line, r.current, s.Backend.Speakers())
		r.faults(i+1, faults)
		if stmt.verb == verbUse && len(faults) == 0 {
			r.current = stmt.speaker
		}
	}
	r.faults(len(whole.lines)+1, whole.faults())
	return r.wrong
}

func (s Script) run(ctx context.Context, chunks <-chan chunk) (Status, error) {
	r := &scriptRun{
		Script: s, current: s.Backend.Speakers()[0], out: &lines{w: s.Out},
		queue: make(chan step, window), place: locator{s.Backend, scriptPlaces},
	}
	noticed := r.notices(ctx)
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		r.print(ctx)
	}()
	err := r.read(ctx, chunks)
	r.flush(ctx)
	close(r.queue)
	<-printed
	noticed()
	if r.wrong {
		r.status = Refused
	}
	return r.status, cmp.Or(err, r.out.err())
}

// read takes the chunks until there are no more, or a line says to leave.
func (r *scriptRun) read(ctx context.Context, chunks <-chan chunk) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c, ok := <-chunks:
			if !ok {
				return nil
			}
			for i, line := range c.lines {
				if c.long[i] {
					r.faults(c.first+i, tooLong())
				}
				if leave, err := r.line(ctx, c.first+i, line); leave || err != nil {
					return err
				}
			}
			if c.err != nil {
				return c.err
			}
			r.faults(c.first+len(c.lines), c.faults())
			// More lines may be long in coming.
			r.flush(ctx)
		}
	}
}

func (r *scriptRun) faults(number int, faults []Fault) {
	for _, f := range faults {
		r.wrong = true
		fmt.Fprintln(r.Err, located(r.Name, number, f)) // there is nowhere left to say that it can't be said
	}
}

// line carries out one line.
func (r *scriptRun) line(ctx context.Context, number int, line string) (leave bool, err error) {
	if comment(line) {
		return false, nil
	}
	if err := r.out.err(); err != nil {
		return true, err // whose results can't be told is not carried out
	}
	s, faults := read(line, r.current, r.Backend.Speakers())
	if len(faults) > 0 {
		r.faults(number, faults)
		return false, nil
	}
	switch s.verb {
	case verbGive:
		if r.batch != nil && (r.batch.speaker != s.speaker || len(r.batch.commands) >= batchCommands) {
			r.flush(ctx)
		}
		if r.batch == nil {
			r.batch = &batch{speaker: s.speaker}
		}
		given, err := commands(ctx, r.Backend, s, time.Now())
		r.batch.add(line, number, given, err)
	case verbUse:
		r.current = s.speaker
	case verbRecv:
		r.recv.Store(s.topic == "on")
	case verbExit:
		return true, nil
	case verbShow, verbHelp:
		return false, r.show(ctx, number, s)
	}
	return false, nil
}

// flush gives what was gathered.
func (r *scriptRun) flush(ctx context.Context) {
	if r.batch == nil {
		return
	}
	r.batch.give(ctx, r.Backend, r.Timeout)
	r.queue <- step{batch: r.batch}
	r.batch = nil
}

// show prints what is so after all that was given before.
func (r *scriptRun) show(ctx context.Context, number int, s statement) error {
	r.flush(ctx)
	said := make(chan struct{})
	r.queue <- step{said: said}
	<-said
	if s.verb == verbHelp {
		r.out.write(help(s.topic))
		return nil
	}
	if s.topic == topicHistory {
		r.faults(number, []Fault{{1, "a script has no history", ""}})
		return nil
	}
	within, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	shown, err := show(within, r.Backend, s)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.wrong = true
		for _, l := range errorText(err) {
			fmt.Fprintf(r.Err, "%s:%d: %s\n", r.Name, number, strings.TrimSpace(l))
		}
		return nil
	}
	r.out.write(shown)
	return nil
}

// print prints the answers in the order of the lines.
func (r *scriptRun) print(ctx context.Context) {
	for s := range r.queue {
		if s.batch == nil {
			close(s.said)
			continue
		}
		var records []string
		s.batch.settle(func(p *pending) {
			r.place.locate(ctx, &p.answer)
			r.status = max(r.status, statusOf(p.verdict()))
			records = append(records, p.record())
			if len(s.batch.results) == 0 { // nothing more is there at once
				r.out.write(records)
				records = nil
			}
		})
		r.out.write(records)
	}
}

// record is the answer for programs: verdict, number of the line, speaker,
// command and detail, with tabs between them.
func (p *pending) record() string {
	return strings.Join([]string{
		p.verdict(), strconv.Itoa(p.number), p.speaker, escape(strings.TrimSpace(p.line)), p.detail(),
	}, "\t")
}

// notices prints what comes by itself, if that is wanted; the function that it
// returns ends it.
func (r *scriptRun) notices(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	r.recv.Store(r.Recv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case n := <-r.Backend.Notices():
				if r.recv.Load() {
					r.out.write(noticeLines(n, r.Backend.Speakers()[0]))
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}
