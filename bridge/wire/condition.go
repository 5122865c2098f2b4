package wire

import "fmt"

// Condition is a named state in which something can't be done, or not as it
// should, until somebody acts or what it is about ends.
type Condition struct {
	Name  string `json:"name"`                    // one of the names below
	Since int64  `json:"since_unix_ms,omitempty"` // in Unix milliseconds; 0 if that is not known
	Text  string `json:"text"`                    // what is so
	Do    string `json:"do,omitempty"`            // what a person can do about it
}

// The names of conditions.
const (
	// NoBroker: no broker can be reached.
	NoBroker = "no-broker"
	// Login: the broker refuses the user or the password.
	Login = "login"
	// NoVhost: the broker does not have the vhost.
	NoVhost = "no-vhost"
	// Denied: the user lacks a permission.
	Denied = "denied"
	// Limit: the broker takes no more connections.
	Limit = "limit"
	// Blocked: the broker has an alarm and takes no messages.
	Blocked = "blocked"
	// Backpressured: a queue is full, and the broker refuses messages for it.
	Backpressured = "backpressured"
	// TooLarge: the broker takes no messages of the size that is needed.
	TooLarge = "too-large"
	// NoQueue: a queue or an exchange is not there, and is not made.
	NoQueue = "no-queue"
	// NoLeader: a queue is there and does not answer.
	NoLeader = "no-leader"
	// Unfit: a queue was declared by others in a way that loses messages.
	Unfit = "unfit"
	// Waiting: commands wait in a queue.
	Waiting = "waiting"
	// DeadLetters: there are messages that nobody could read, or deliver.
	DeadLetters = "dead-letters"
	// NoBridge: no bridge answers for a speaker.
	NoBridge = "no-bridge"
	// NoAnswer: a bridge is there, and does not answer.
	NoAnswer = "no-answer"
	// Reading: a bridge does not know yet what its exaBGP announces.
	Reading = "reading"
	// Taken: another bridge has the name of this one.
	Taken = "taken"
	// NoLease: the bridge gives nobody the right to command.
	NoLease = "no-lease"
	// Fenced: somebody else commands now.
	Fenced = "fenced"
	// Unreadable: a watch can't read its file, or what that leads to.
	Unreadable = "unreadable-file"
	// Faulty: it has faults.
	Faulty = "faulty-file"
	// OtherOwner: it is not of the owner that is watched for.
	OtherOwner = "other-owner"
	// Older: it would bring back what another replaced.
	Older = "older-file"
	// NoHistory: what a watch does can't be kept on record.
	NoHistory = "no-history"
	// Unfinished: another process is writing it.
	Unfinished = "unfinished-file"
	// Guarded: a guard refuses what would lead to it.
	Guarded = "guarded"
	// Flapping: some of its routes change too often, and are held as they are.
	Flapping = "flapping"
)

// maxConditions is more than there are names.
const maxConditions = 100

// checkConditions is the rule for what another process tells of itself: it goes
// to terminals.
func checkConditions(all []Condition) error {
	if len(all) > maxConditions {
		return fmt.Errorf("%d conditions, more than %d", len(all), maxConditions)
	}
	for _, c := range all {
		if err := checkPrintable(c.Name, c.Text, c.Do); err != nil {
			return err
		}
	}
	return nil
}
