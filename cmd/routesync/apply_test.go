package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	for answer, agreed := range map[string]bool{
		"yes\n": true, "yes\r\n": true, "yes": true,
		"y\n": false, "YES\n": false, " yes\n": false, "yes please\n": false, "\n": false, "": false,
	} {
		var said bytes.Buffer
		err := ask(t.Context(), &world{stdin: strings.NewReader(answer), stderr: &said}, "apply")
		if (err == nil) != agreed {
			t.Errorf("answer %q: %v", answer, err)
		}
		if want := "\nDo you want to apply this? Only 'yes' is accepted: "; said.String() != want {
			t.Errorf("asked %q, want %q", said.String(), want)
		}
	}
}

// TestClock: the time in which a person thinks does not count.
func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		c := startClock(context.Background(), time.Minute)
		defer c.stop()
		c.pause()
		time.Sleep(time.Hour)
		if c.ctx.Err() != nil {
			t.Fatal("it ran on")
		}
		c.restart()
		<-c.ctx.Done()
		if d := time.Since(begin); d != time.Hour+time.Minute {
			t.Errorf("it ended after %s", d)
		}
	})
}
