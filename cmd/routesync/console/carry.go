package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// line carries out one line, and tells whether it was to leave.
func (p *prompt) line(ctx context.Context, line string) (leave bool) {
	current := *p.current.Load()
	s, faults := read(line, current, p.Backend.Speakers())
	if len(faults) > 0 {
		p.screen.say(pointOut(line, faults))
		return false
	}
	switch s.verb {
	case verbGive:
		p.give(job{statement: s, line: strings.TrimSpace(line)})
	case verbUse:
		p.use(s.speaker)
		p.cache.get(s.speaker)
	case verbRecv:
		p.recv.Store(s.topic == "on")
	case verbHelp:
		p.screen.say(help(s.topic))
	case verbShow:
		p.show(ctx, s)
	case verbExit:
		return true
	}
	return false
}

// give puts a job behind the others.
func (p *prompt) give(j job) {
	j.entry = p.past.add(j.speaker, j.line)
	p.open.Add(1)
	j.number, j.turn = p.given.Add(1), newTurn()
	j.beside = j.number-p.told.Load() > 1
	if p.last != nil {
		j.before = p.last.over
	}
	j.late = time.AfterFunc(waitingAfter, func() {
		if !p.waiting.Swap(true) {
			p.screen.say([]string{"waiting for the bridge ..."})
		}
		j.turn.end()
	})
	select {
	case p.jobs <- j:
		p.last = j.turn
	default:
		j.late.Stop()
		p.open.Add(-1)
		p.told.Add(1)
		p.past.settle(j.entry, failed, "too many lines wait")
		p.screen.say([]string{"error: " + count(mostWaiting, "line") + " wait to be given; this one is dropped"})
	}
}

// work gives the jobs in their order, and returns when all are answered.
func (p *prompt) work(ctx context.Context) {
	defer close(p.worked)
	var answers sync.WaitGroup
	defer answers.Wait()
	defer func() {
		for len(p.jobs) > 0 { // nobody else takes them
			(<-p.jobs).late.Stop()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case j, ok := <-p.jobs:
			if !ok {
				return
			}
			b := &batch{speaker: j.speaker}
			asking, cancel := context.WithTimeout(ctx, p.Timeout)
			given, err := commands(asking, p.Backend, j.statement, time.Now())
			cancel()
			b.add(j.line, 0, given, err)
			b.give(ctx, p.Backend, p.Timeout)
			answers.Go(func() { b.settle(func(l *pending) { p.answer(ctx, j, l) }) })
		}
	}
}

// forget drops a ^C of before; while a pager runs it is the pager's.
func (p *prompt) forget() {
	select {
	case <-p.breaks:
	default:
	}
}

// linger waits for the answers that are to come, unless there is a ^C.
func (p *prompt) linger(ctx context.Context) {
	p.forget()
	if err := p.mode.restore(); err != nil {
		p.screen.say(errorText(err))
	}
	select {
	case <-p.worked:
	case <-p.breaks:
	case <-ctx.Done():
	}
}

// answer tells what became of a job, behind the answers to those before it. It
// repeats the command, unless no other was open beside it.
func (p *prompt) answer(ctx context.Context, j job, l *pending) {
	(&locator{p.Backend, -1}).locate(ctx, &l.answer)
	if j.before != nil {
		<-j.before
	}
	j.late.Stop()
	defer j.turn.end()
	text := l.text()
	if j.beside || p.given.Load() > j.number { // quoted as in a reply to a letter
		for i := range text {
			text[i] = "  " + text[i]
		}
		text = append([]string{"> " + escape(j.line)}, text...)
	}
	if *p.current.Load() != j.speaker {
		for i := range text {
			text[i] = j.speaker + ": " + text[i]
		}
	}
	p.past.settle(j.entry, l.verdict(), l.detail())
	p.waiting.Store(false)
	p.told.Add(1)
	p.screen.say(text)
	p.open.Add(-1)
	p.cache.stale(j.speaker)
}

// show shows what is asked for; ^C gives up on it.
func (p *prompt) show(ctx context.Context, s statement) {
	var lines []string
	var err error
	if s.topic == topicHistory {
		lines = p.past.lines()
	} else {
		lines, err = p.fetch(ctx, s)
	}
	width, height := size(p.Out)
	lines = fold(lines, width)
	switch {
	case errors.Is(err, errGivenUp):
		p.screen.say([]string{"", "interrupted"}) // below the ^C that the terminal wrote
	case err != nil:
		p.screen.say(errorText(err))
	case p.Pager == "" || fits(lines, width, height):
		p.screen.say(lines)
	default:
		p.page(ctx, lines)
	}
}

var errGivenUp = errors.New("interrupted")

// fetch asks for what is to be shown.
func (p *prompt) fetch(ctx context.Context, s statement) (lines []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	p.forget()
	// Nothing is typed meanwhile, and ^C is to be a signal.
	if err := p.mode.restore(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines, err = show(ctx, p.Backend, s)
	}()
	select {
	case <-done:
	case <-p.breaks:
		cancel()
		<-done
		err = errGivenUp
	}
	return lines, errors.Join(err, p.mode.raw())
}

// page shows lines in the pager, which has the terminal to itself.
func (p *prompt) page(ctx context.Context, lines []string) {
	p.screen.hold()
	err := p.mode.restore()
	if err == nil {
		err = errors.Join(page(ctx, p.Pager, lines, p.Out), p.mode.raw())
	}
	p.screen.release()
	if err != nil {
		p.screen.say(errorText(fmt.Errorf("run the pager %q: %w", p.Pager, err)))
		p.screen.say(lines)
	}
}

// tell shows what comes by itself.
func (p *prompt) tell(ctx context.Context) {
	teller{
		notices: p.Backend.Notices(),
		wants:   func(n Notice) bool { return len(n.NLRI) == 0 || p.recv.Load() },
		current: func() string { return *p.current.Load() },
		show:    p.screen.notice,
	}.run(ctx)
}
