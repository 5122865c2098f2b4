package main

import (
	"fmt"

	"routesync/reconcile/watch"
	"routesync/state/expect"
	"routesync/state/routefile"
)

// readExpectations reads what must and must not be announced behind a plan; nothing
// if no file is given.
func readExpectations(path string) ([]expect.Expectation, error) {
	if path == "" {
		return nil, nil
	}
	data, err := watch.Read(path, routefile.MaxSize)
	if err != nil {
		return nil, hinted(fmt.Errorf("read %s: %w", path, bare(err)))
	}
	return routefile.ParseExpectations(path, data)
}

// unexpected is the error of what is not as expected behind the plan, all of it; nil
// if everything is.
func (p plans) unexpected(all []expect.Expectation) error {
	views := make([]expect.View, len(p.speakers))
	for i, s := range p.speakers {
		views[i] = expect.View{Desired: p.desired, Advertised: s.advertised, Plan: s.Plan}
	}
	var failed failures
	for _, f := range expect.Check(all, views) {
		failed = append(failed, fmt.Errorf("not as expected: %s", f))
	}
	return failed.err()
}
