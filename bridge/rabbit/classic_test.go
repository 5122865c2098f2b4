package rabbit

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// classicName is the name of a queue that goes with the test, if it is there.
func classicName(t *testing.T) string {
	t.Helper()
	name := speaker(t)
	t.Cleanup(func() { deleteQueue(t, name) }) // deletes what is not there as well
	return name
}

// connectLogged is connect, to another URL and with a log.
func connectLogged(t *testing.T, url string, book *logbook) *Session {
	t.Helper()
	s, err := New(Config{URLs: []string{url}, Name: t.Name()}, book.logger()).Connect(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var _ = context.Background
var _ = amqp.Table{}
