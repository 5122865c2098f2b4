package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/state"
)

const (
	envAMQP      = "ROUTESYNC_AMQP"
	envQueueType = "ROUTESYNC_QUEUE_TYPE"
	envHistory   = "ROUTESYNC_HISTORY"

	defaultFile   = "routes.yaml"
	defaultBroker = "amqp://guest:guest@localhost:5672/"

	outputText = "text"
	outputJSON = "json"

	outputMarkdown = "markdown" // of plan
	outputHTML     = "html"
)

// flags is everything that can be said on the command line.
type flags struct {
	global   globalFlags
	validate validateFlags
	fmt      fmtFlags
	plan     planFlags
	apply    applyFlags
	watch    watchFlags
	status   statusFlags
	bridge   bridgeFlags
	console  consoleFlags
	received receivedFlags
	events   eventsFlags
	imports  importFlags
	adopt    adoptFlags
	pause    orderFlags
	resume   orderFlags
	override orderFlags
	confirm  orderFlags
	revert   orderFlags
	snapshot snapshotFlags
	history  listFlags
	show     showFlags
	blame    blameFlags
	diff     diffFlags
	rollback rollbackFlags
}

type globalFlags struct {
	amqp, queueType     string
	logLevel, logFormat string
	historyDir          string
	historyKeep         int
}

type validateFlags struct{ file, output string }

type fmtFlags struct {
	check  bool
	output string
}

type planFlags struct {
	assert       string // file of expectations; empty for none
	out          string // where the plan is saved; empty for nowhere
	file, output string
	against      string
	guards       []string
	detailed     bool
	timeout      time.Duration
}

type snapshotFlags struct {
	file, output string
	speakers     []string
	timeout      time.Duration
}

type applyFlags struct {
	plan          string // a saved plan, which is an argument and no flag
	fileGiven     bool   // with it
	file, output  string
	yes, olderOK  bool
	overrides     []string
	guards        []string
	instead       []string // the command line, of another command that does so
	wait          string
	timeout       time.Duration
	confirmWithin time.Duration
	confirmGiven  bool
}

type watchFlags struct {
	file    string
	listen  string
	guards  []string
	olderOK bool
}

type statusFlags struct {
	file, output string
	speakers     []string
	timeout      time.Duration
}

type importFlags struct {
	speaker, owner, as string
	foreign            bool
	conf, output       string
	partial            bool
	timeout            time.Duration
}

type adoptFlags struct {
	file, from       string
	fromGiven        bool
	wanted, unwanted bool
	yes              bool
	timeout          time.Duration
}

type bridgeFlags struct {
	speaker, state string
	classic        bool
	declare        string
	format         string
	backlog        int
	auditEvery     time.Duration
}

type consoleFlags struct {
	speakers, commands               []string
	classic, strict, recv, noHistory bool
	timeout                          time.Duration
}

func (g *globalFlags) add(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&g.amqp, "amqp", defaultBroker, "broker, or its nodes with commas between; env "+envAMQP)
	f.StringVar(&g.queueType, "queue-type", rabbit.Quorum, "type of the command queue: quorum or classic; env "+envQueueType)
	f.StringVar(&g.logLevel, "log-level", "", "debug, info, warn or error; if not given, info for watch and bridge, else warn")
	f.StringVar(&g.logFormat, "log-format", "text", "text or json")
	f.StringVar(&g.historyDir, "history-dir", "", "where the history is kept, none for not at all; env "+envHistory)
	f.IntVar(&g.historyKeep, "history-keep", 0, "how many entries of it are kept, 0 for all")
}

// fromEnv fills what the command line leaves open.
func (g *globalFlags) fromEnv(cmd *cobra.Command, getenv func(string) string) {
	f := cmd.Flags()
	if v := getenv(envAMQP); v != "" && !f.Changed("amqp") {
		g.amqp = v
	}
	if v := getenv(envQueueType); v != "" && !f.Changed("queue-type") {
		g.queueType = v
	}
	if v := getenv(envHistory); v != "" && !f.Changed("history-dir") {
		g.historyDir = v
	}
}

// broker is the rabbit configuration of a command.
func (g *globalFlags) broker(name string) (rabbit.Config, error) {
	urls, err := rabbit.ParseURLs(g.amqp)
	if err != nil {
		return rabbit.Config{}, usage(err, "write it as amqp://user:password@host:5672/")
	}
	switch g.queueType {
	case rabbit.Quorum, rabbit.Classic:
	default:
		return rabbit.Config{}, usage(fmt.Errorf("--queue-type %q is not quorum or classic", g.queueType))
	}
	return rabbit.Config{
		URLs: urls, Name: "routesync " + name, QueueType: g.queueType, RetryCap: retryCap,
		Permissions: permissions(name), Hint: bridge.Hint,
	}, nil
}

// permissions are the least that a command needs at the broker; a bridge's are
// those of its speaker.
func permissions(command string) rabbit.Permissions {
	switch command {
	case "watch", "apply", "adopt", "rollback":
		return rabbit.CommanderPermissions()
	case "console", "confirm", "revert", "pause", "resume", "override":
		return rabbit.OperatorPermissions()
	}
	return rabbit.ReaderPermissions()
}

func addFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", defaultFile, "the file with the routes")
}

// flagOlderOK as it is given.
const (
	flagOlderOK  = "--older-file-ok"
	flagOverride = "--override"
)

func addOverride(cmd *cobra.Command, all *[]string) {
	cmd.Flags().StringArrayVar(all, strings.TrimPrefix(flagOverride, "--"), nil, "RULES@DIGEST, as a refusal has it: lift guards for exactly the plan with that digest")
}

func addOlderOK(cmd *cobra.Command, ok *bool) {
	cmd.Flags().BoolVar(ok, strings.TrimPrefix(flagOlderOK, "--"), false, "the file as it is now is meant, although it is older than what is in force")
}

func addOutput(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", outputText, "text or json")
}

func checkOutput(output string) error {
	if output != outputText && output != outputJSON {
		return usage(fmt.Errorf("--output %q is not text or json", output))
	}
	return nil
}

func checkTimeout(d time.Duration) error {
	if d <= 0 {
		return usage(fmt.Errorf("--timeout %s is not a time to wait", d))
	}
	return nil
}

// checkSpeakers is the error of the first name that no speaker can have.
func checkSpeakers(names ...string) error {
	for _, name := range names {
		err := state.CheckName(name)
		if fault := (*state.Fault)(nil); errors.As(err, &fault) {
			return usage(fmt.Errorf("--speaker %w", err), fault.Hint)
		} else if err != nil {
			return err
		}
	}
	return nil
}
