package rabbit

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The types of queue that can hold commands.
const (
	Quorum  = "quorum"
	Classic = "classic"
)

// Config says which broker, and under what rules.
type Config struct {
	// URLs are the nodes of one broker, as ParseURLs returns them.
	URLs []string
	// Name is what an operator of the broker sees of our connections.
	Name string
	// QueueType of the durable queues: Quorum unless it says Classic.
	QueueType string
	// Heartbeat is the interval in which each side hears of the other; a silence
	// of two of them is an end. In whole seconds, 5 s unless it is set; a
	// heartbeat parameter in a URL wins over it.
	Heartbeat time.Duration
	// RetryCap bounds the wait between two attempts to connect: 30 s unless set.
	RetryCap time.Duration
	// HealthyAfter is how long a session must have lasted for its end to be news even
	// if the one before ended alike: 60 s unless set.
	HealthyAfter time.Duration
	// Permissions are what our user needs, for the errors that say it lacks some.
	Permissions Permissions
	// Hint is what a person can do about an error, for the log; nil: nothing.
	Hint func(error) string
	// Final tells which errors end [Broker.Run]; nil: none does.
	Final func(error) bool
}

func (c Config) final(err error) bool { return c.Final != nil && c.Final(err) }

// withDefaults returns c with what it leaves out, or why it cannot be used.
func (c Config) withDefaults() (Config, error) {
	if len(c.URLs) == 0 {
		return c, errors.New("no broker URL")
	}
	if c.Name == "" {
		c.Name = "routesync"
	}
	switch c.QueueType {
	case "":
		c.QueueType = Quorum
	case Quorum, Classic:
	default:
		return c, fmt.Errorf("queue type %q: want %s or %s", c.QueueType, Quorum, Classic)
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 5 * time.Second
	}
	if c.Heartbeat < time.Second {
		c.Heartbeat = time.Second // the unit that AMQP negotiates in
	}
	if c.RetryCap <= 0 {
		c.RetryCap = 30 * time.Second
	}
	if c.HealthyAfter <= 0 {
		c.HealthyAfter = time.Minute
	}
	return c, nil
}

// ParseURLs splits a comma-separated list of amqp and amqps URLs, each naming a
// node of the same broker. A comma, or any other reserved character, in a user or
// a password must be percent-encoded (RFC 3986, section 3.2.1).
//
// Its errors name a URL by its place in the list and quote nothing of it: in a
// URL that is cut in the wrong place, any piece may be the password.
func ParseURLs(text string) ([]string, error) {
	parts := strings.Split(text, ",")
	urls := make([]string, 0, len(parts))
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if err := checkURL(part); err != nil {
			return nil, fmt.Errorf("broker URL %d of %d: %w", i+1, len(parts), err)
		}
		urls = append(urls, part)
	}
	return urls, nil
}

func checkURL(text string) error {
	if text == "" {
		return errors.New("empty")
	}
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("not a URL (reserved characters in user and password must be percent-encoded)")
	}
	if u.Scheme != "amqp" && u.Scheme != "amqps" {
		return errors.New("must begin with amqp:// or amqps://")
	}
	if u.Hostname() == "" {
		return errors.New("names no host")
	}
	// A password with a bare / ? or # ends the authority early, and the @ that
	// should have ended the password is found behind it.
	if u.Fragment != "" || strings.Contains(u.EscapedPath()+u.RawQuery, "@") {
		return errors.New("has a bare # or @ (reserved characters in user and password must be percent-encoded)")
	}
	if u.Port() != "" {
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
			return errors.New("port must be 1 to 65535")
		}
	}
	if beat := u.Query().Get("heartbeat"); beat != "" {
		if n, err := strconv.ParseUint(beat, 10, 16); err != nil || n == 0 {
			return errors.New("heartbeat must be 1 to 65535 seconds: without it a dead broker goes unnoticed")
		}
	}
	return nil
}

// heartbeatOf returns the heartbeat that a URL asks for, else the fallback.
// The URL is one that checkURL took.
func heartbeatOf(text string, fallback time.Duration) time.Duration {
	u, err := url.Parse(text)
	if err != nil {
		return fallback
	}
	n, err := strconv.ParseUint(u.Query().Get("heartbeat"), 10, 16)
	if err != nil || n == 0 {
		return fallback
	}
	return time.Duration(n) * time.Second
}

// Redacted returns a broker URL as it may be printed: without its password, and
// without its query.
func Redacted(text string) string {
	if checkURL(text) != nil {
		return "(unreadable broker URL)"
	}
	u, err := url.Parse(text)
	if err != nil {
		return "(unreadable broker URL)"
	}
	u.RawQuery = ""
	return u.Redacted()
}
