package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// conditionJSON is a condition in the form that programs get.
type conditionJSON struct {
	Speaker string `json:"speaker,omitempty"` // the one that it is about; that of the broker has none
	Name    string `json:"name"`
	Since   string `json:"since,omitempty"`
	Text    string `json:"text"`
	Do      string `json:"do,omitempty"`
}

func newCondition(speaker string, x wire.Condition) conditionJSON {
	return conditionJSON{Speaker: speaker, Name: x.Name, Since: timeJSON(x.Since), Text: x.Text, Do: x.Do}
}

func newConditions(all []wire.Condition) []conditionJSON {
	out := make([]conditionJSON, len(all))
	for i, x := range all {
		out[i] = newCondition("", x)
	}
	return out
}

// conditionFailure is the failure that a condition is.
func conditionFailure(code int, speaker string, x wire.Condition) *failure {
	is := newCondition(speaker, x)
	f := &failure{code: code, err: fmt.Errorf("%s: %s", speaker, x.Text), is: &is}
	switch {
	case speaker == "" && x.Name == wire.NoBroker:
		f.err = errors.New(x.Text)
	case speaker == "":
		f.err = fmt.Errorf("broker: %s: %s", x.Name, x.Text)
	}
	if x.Do != "" {
		f.hints = []string{x.Do}
	}
	return f
}

// brokerFailure is an error that is about the broker and not about a speaker.
func brokerFailure(err error) error {
	if x, ok := bridge.Diagnose(err); ok {
		return conditionFailure(exitError, "", x)
	}
	return err
}

// conditionsOf are those that an error is about.
func conditionsOf(err error) []conditionJSON {
	all := []conditionJSON{}
	said := map[conditionJSON]bool{}
	add := func(err error) {
		if f := (*failure)(nil); errors.As(err, &f) && f.is != nil && !said[*f.is] {
			said[*f.is] = true
			all = append(all, *f.is)
		}
	}
	if several, ok := err.(failures); ok {
		for _, one := range several {
			add(one)
		}
		return all
	}
	add(err)
	return all
}

// queueDepths is what stands in queues where nothing ought to stand for long. It
// can be had when the broker takes no messages, and when no bridge answers.
type queueDepths struct{ all []conditionJSON }

// look looks into the queues; what is not there, or not for us to look at, has
// nothing in it.
func (q *queueDepths) look(ctx context.Context, s *rabbit.Session, speakers []string) {
	q.all = nil
	for _, speaker := range speakers {
		name := rabbit.CommandQueue(speaker)
		n, readers, err := s.Depth(ctx, name)
		if err != nil || n == 0 {
			continue
		}
		x := wire.Condition{Name: wire.Waiting, Text: fmt.Sprintf("%s in queue %s, which the bridge is reading", waiting(n), name)}
		if readers == 0 {
			x.Text = fmt.Sprintf("%s in queue %s, and nobody reads it", waiting(n), name)
			x.Do = "start the bridge; a watch sends anew what is still wanted"
		}
		q.all = append(q.all, newCondition(speaker, x))
	}
	if n, _, err := s.Depth(ctx, rabbit.DeadQueue); err == nil && n > 0 {
		q.all = append(q.all, newCondition("", wire.Condition{
			Name: wire.DeadLetters,
			Text: fmt.Sprintf("%s in queue %s that could not be read, or not be delivered; no route waits for them", count(n, "message"), rabbit.DeadQueue),
			Do:   fmt.Sprintf("rabbitmqadmin get queue=%s count=10 shows them, rabbitmqctl purge_queue %s drops them", rabbit.DeadQueue, rabbit.DeadQueue),
		}))
	}
}

func waiting(n int) string {
	if n == 1 {
		return "1 batch waits"
	}
	return fmt.Sprintf("%d batches wait", n)
}

// text is a condition for people, below the word that says whose it is.
func (c conditionJSON) text() string {
	var b strings.Builder
	b.WriteString(c.Name)
	if c.Since != "" {
		b.WriteString(" since " + c.Since)
	}
	b.WriteString(": " + c.Text)
	if c.Do != "" {
		b.WriteString(": " + c.Do)
	}
	return b.String()
}
