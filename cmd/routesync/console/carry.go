package console

import (
	"context"
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
	j.late = time.AfterFunc(waitingAfter, func() {
		if !p.waiting.Swap(true) {
			p.screen.say([]string{"waiting for the bridge ..."})
		}
	})
	select {
	case p.jobs <- j:
	default:
		j.late.Stop()
		p.open.Add(-1)
		p.past.settle(j.entry, failed, "too many lines wait")
		p.screen.say([]string{"error: " + count(mostWaiting, "line") + " wait to be given; this one is dropped"})
	}
}

// work gives the jobs in their order, and returns when all are answered.
func (p *prompt) work(ctx context.Context) {
	defer close(p.worked)
	var answers sync.WaitGroup
	defer answers.Wait()
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
	select {
	case <-p.worked:
	case <-p.breaks:
	case <-ctx.Done():
	}
}

func (p *prompt) answer(ctx context.Context, j job, l *pending) {
	j.late.Stop()
	(&locator{p.Backend, -1}).locate(ctx, &l.answer)
	text := l.text()
	if *p.current.Load() != j.speaker {
		for i := range text {
			text[i] = j.speaker + ": " + text[i]
		}
	}
	p.past.settle(j.entry, l.verdict(), l.detail())
	p.waiting.Store(false)
	p.screen.say(text)
	p.open.Add(-1)
	p.cache.stale(j.speaker)
}

// show shows what is asked for; ^C gives up on it.
func (p *prompt) show(ctx context.Context, s statement) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	shown := make(chan struct{})
	var lines []string
	var err error
	p.forget()
	go func() {
		defer close(shown)
		if s.topic == topicHistory {
			lines = p.past.lines()
			return
		}
		lines, err = show(ctx, p.Backend, s)
	}()
	select {
	case <-shown:
	case <-p.breaks:
		cancel()
		<-shown
		p.screen.say([]string{"interrupted"})
		return
	}
	if err != nil {
		p.screen.say(errorText(err))
		return
	}
	width, height := size(p.Out)
	if p.Pager == "" || fits(lines, width, height) {
		p.screen.say(lines)
		return
	}
	p.screen.hold()
	err = page(ctx, p.Pager, lines, p.Out)
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
